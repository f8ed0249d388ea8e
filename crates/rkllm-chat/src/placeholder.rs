//! Stand-ins for special tokens that message texts spell out.
//!
//! A template works on message texts with string methods (`strip`, `split('</think>')`, `in`),
//! so nothing may be wrapped around them. Only the stretches that spell a control token are
//! replaced, each by one character that occurs neither in the messages nor in the template. One
//! character cannot be split or half trimmed away, and ordinary texts are not touched at all.
//! After rendering, each stand-in becomes the original text again, as an untrusted segment.

use std::borrow::Cow;
use std::collections::HashSet;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{Error, Message, Role, Segment, SpecialTokens};

/// Planes 4 to 16: characters that are private use (15 and 16, which are tried first) or not
/// assigned, so no string method of a template treats them specially.
const CANDIDATES: std::ops::RangeInclusive<u32> = 0x4_0000..=0x10_FFFD;

/// Tags around reasoning, which belong to an assistant's text even where a vocabulary lists them
/// as control tokens: templates search for them to drop old reasoning.
const THINK_TAGS: [&str; 4] = ["<think>", "</think>", "[THINK]", "[/THINK]"];

/// Finds a model's control tokens in message texts.
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

    /// The messages with stand-ins, and what the stand-ins stand for.
    pub(crate) fn protect<'m>(
        &'m self,
        messages: &'m [Message],
    ) -> Result<(Vec<Cow<'m, Message>>, Placeholders<'m>), Error> {
        let mut placeholders = Placeholders::new(self, messages);
        let protected = messages
            .iter()
            .map(|message| self.protect_one(message, &mut placeholders))
            .collect::<Result<_, _>>()?;
        Ok((protected, placeholders))
    }

    fn protect_one<'m>(
        &'m self,
        message: &'m Message,
        placeholders: &mut Placeholders<'m>,
    ) -> Result<Cow<'m, Message>, Error> {
        let text = message.content.as_str();
        let mut content = String::new();
        let mut copied = 0;
        for found in self.search.find_iter(text) {
            let token = self.texts[found.pattern()].as_str();
            if message.role == Role::Assistant && THINK_TAGS.contains(&token) {
                continue;
            }
            content.push_str(&text[copied..found.start()]);
            content.push(placeholders.char_for(token)?);
            copied = found.end();
        }
        if copied == 0 {
            return Ok(Cow::Borrowed(message));
        }
        content.push_str(&text[copied..]);
        Ok(Cow::Owned(Message { content, ..message.clone() }))
    }
}

/// The stand-ins of one rendering.
pub(crate) struct Placeholders<'m> {
    matcher: &'m SpecialMatcher,
    messages: &'m [Message],
    /// Characters not used yet; set up with the first stand-in, as few conversations need one.
    free: Option<Box<dyn Iterator<Item = char>>>,
    given: Vec<(char, &'m str)>,
}

impl<'m> Placeholders<'m> {
    fn new(matcher: &'m SpecialMatcher, messages: &'m [Message]) -> Self {
        Self { matcher, messages, free: None, given: Vec::new() }
    }

    fn char_for(&mut self, token: &'m str) -> Result<char, Error> {
        if let Some((char, _)) = self.given.iter().find(|(_, given)| *given == token) {
            return Ok(*char);
        }
        let (matcher, messages) = (self.matcher, self.messages);
        let free = self.free.get_or_insert_with(|| {
            let mut taken = matcher.template_chars.clone();
            taken.extend(messages.iter().flat_map(|message| candidates_in(&message.content)));
            let chars = CANDIDATES.rev().filter_map(char::from_u32);
            Box::new(chars.filter(move |char| !taken.contains(char)))
        });
        let char = free.next().ok_or(Error::NoPlaceholder)?;
        self.given.push((char, token));
        Ok(char)
    }

    /// The rendered text with the original texts back in place.
    pub(crate) fn restore(&self, rendered: String) -> Vec<Segment> {
        if self.given.is_empty() {
            return segment(rendered, true).into_iter().collect();
        }
        let mut segments = Vec::new();
        let mut copied = 0;
        for (at, char) in rendered.char_indices() {
            let Some((_, token)) = self.given.iter().find(|(given, _)| *given == char) else {
                continue;
            };
            segments.extend(segment(&rendered[copied..at], true));
            segments.extend(segment(*token, false));
            copied = at + char.len_utf8();
        }
        segments.extend(segment(&rendered[copied..], true));
        segments
    }
}

fn segment(text: impl Into<String>, trusted: bool) -> Option<Segment> {
    let text = text.into();
    (!text.is_empty()).then_some(Segment { text, trusted })
}

fn candidates_in(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|char| CANDIDATES.contains(&u32::from(*char)))
}
