//! Stand-ins for special tokens that the texts of a conversation spell out.
//!
//! A template works on message texts with string methods (`strip`, `split('</think>')`, `in`),
//! so nothing may be wrapped around them. Only the stretches that spell a control token are
//! replaced, each by one character that occurs neither in the conversation nor in the template. One
//! character cannot be split or half trimmed away, and ordinary texts are not touched at all.
//! After rendering, each stand-in becomes the original text again, as an untrusted segment.

use std::collections::HashSet;
use std::mem;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::{Map, Value};

use crate::thought::is_tag;
use crate::{Error, Segment, SpecialTokens};

/// Planes 4 to 16: characters that are private use (15 and 16, which are tried first) or not
/// assigned, so no string method of a template treats them specially.
const CANDIDATES: std::ops::RangeInclusive<u32> = 0x4_0000..=0x10_FFFD;

/// Finds a model's control tokens in the texts of a conversation.
#[derive(Debug)]
pub(crate) struct SpecialMatcher {
    texts: Vec<String>,
    search: AhoCorasick,
    template_chars: HashSet<char>,
}

impl SpecialMatcher {
    pub(crate) fn new(special: &SpecialTokens, source: &str) -> Result<Self, Error> {
        let texts: Vec<String> = special
            .bos
            .iter()
            .chain(&special.eos)
            .chain(&special.control)
            // Vocabularies hold empty control tokens; no text can spell one.
            .filter(|text| !text.is_empty())
            .cloned()
            .collect();
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&texts)
            .map_err(Error::SpecialTokens)?;
        Ok(Self { texts, search, template_chars: candidates_in(source).collect() })
    }

    /// Puts stand-ins into every text of a template's variables.
    pub(crate) fn protect(
        &self,
        variables: &mut Map<String, Value>,
    ) -> Result<Placeholders<'_>, Error> {
        let mut found = Vec::new();
        let mut taken = self.template_chars.clone();
        visit_variables(variables, &mut |text, tags| {
            taken.extend(candidates_in(text));
            for (_, token) in self.find(text, tags) {
                if !found.contains(&token) {
                    found.push(token);
                }
            }
        });
        let mut placeholders = Placeholders { taken, given: Vec::new() };
        for token in found {
            let char = placeholders.free_char()?;
            placeholders.given.push((char, token));
        }
        if !placeholders.given.is_empty() {
            visit_variables(variables, &mut |text, tags| {
                if let Some(replaced) = self.replace(text, tags, &placeholders) {
                    *text = replaced;
                }
            });
        }
        Ok(placeholders)
    }

    /// The control tokens in a text and where they begin.
    fn find(&self, text: &str, tags: ThinkTags) -> impl Iterator<Item = (usize, &str)> {
        let found = self.search.find_iter(text).map(|found| {
            let token = self.texts[found.pattern()].as_str();
            (found.start(), token)
        });
        let kept = |token| tags == ThinkTags::Meant && is_tag(token);
        found.filter(move |(_, token)| !kept(token)).collect::<Vec<_>>().into_iter()
    }

    fn replace(&self, text: &str, tags: ThinkTags, given: &Placeholders) -> Option<String> {
        let mut replaced = String::new();
        let mut copied = 0;
        for (at, token) in self.find(text, tags) {
            replaced.push_str(&text[copied..at]);
            replaced.extend(given.given.iter().find(|(_, other)| *other == token).map(|(c, _)| *c));
            copied = at + token.len();
        }
        (copied > 0).then(|| replaced + &text[copied..])
    }
}

/// Whether tags around reasoning are meant as such. In an assistant's text they are, even where a
/// vocabulary lists them as control tokens: templates search for them to drop old reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ThinkTags {
    Meant,
    Spelled,
}

type Visitor<'v> = dyn FnMut(&mut String, ThinkTags) + 'v;

/// Shows the visitor every text that comes from a conversation.
fn visit_variables(variables: &mut Map<String, Value>, visitor: &mut Visitor) {
    for (name, value) in variables {
        match value {
            Value::Array(messages) if name == "messages" => {
                messages.iter_mut().for_each(|message| visit_message(message, visitor));
            }
            other => visit(other, ThinkTags::Spelled, visitor),
        }
    }
}

fn visit_message(message: &mut Value, visitor: &mut Visitor) {
    let assistant = message["role"] == "assistant";
    for (key, value) in message.as_object_mut().into_iter().flatten() {
        match key.as_str() {
            "role" => {}
            "content" if assistant => visit(value, ThinkTags::Meant, visitor),
            _ => visit(value, ThinkTags::Spelled, visitor),
        }
    }
}

fn visit(value: &mut Value, tags: ThinkTags, visitor: &mut Visitor) {
    match value {
        Value::String(text) => visitor(text, tags),
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, tags, visitor)),
        Value::Object(map) => {
            let visited = mem::take(map).into_iter().map(|(mut key, mut value)| {
                visitor(&mut key, tags);
                visit(&mut value, tags, visitor);
                (key, value)
            });
            *map = visited.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The stand-ins of one rendering.
pub(crate) struct Placeholders<'m> {
    /// Characters that mean something else.
    taken: HashSet<char>,
    given: Vec<(char, &'m str)>,
}

impl Placeholders<'_> {
    /// A character that occurs nowhere else in the rendering.
    pub(crate) fn free_char(&mut self) -> Result<char, Error> {
        let mut chars = CANDIDATES.rev().filter_map(char::from_u32);
        let char = chars.find(|char| !self.taken.contains(char)).ok_or(Error::NoPlaceholder)?;
        self.taken.insert(char);
        Ok(char)
    }

    /// The rendered text with the original texts back in place.
    pub(crate) fn restore(&self, rendered: &str) -> Vec<Segment> {
        let mut segments = Vec::new();
        let mut copied = 0;
        let stand_ins = rendered.char_indices().filter(|_| !self.given.is_empty());
        for (at, char) in stand_ins {
            let Some((_, token)) = self.given.iter().find(|(given, _)| *given == char) else {
                continue;
            };
            segments.extend(segment(&rendered[copied..at], true));
            segments.extend(segment(token, false));
            copied = at + char.len_utf8();
        }
        segments.extend(segment(&rendered[copied..], true));
        segments
    }

    /// The words of a refusal, which may quote the conversation.
    pub(crate) fn restore_refusal(&self, error: Error) -> Error {
        match error {
            Error::Raised { message } => {
                let texts = self.restore(&message).into_iter().map(|segment| segment.text);
                Error::Raised { message: texts.collect() }
            }
            other => other,
        }
    }
}

fn segment(text: &str, trusted: bool) -> Option<Segment> {
    (!text.is_empty()).then(|| Segment { text: text.to_owned(), trusted })
}

fn candidates_in(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|char| CANDIDATES.contains(&u32::from(*char)))
}
