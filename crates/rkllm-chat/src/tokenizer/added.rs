//! Tokens that are matched in a text as they are written, before the rest is tokenized.

use std::collections::HashSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use tokenizers::AddedToken;

use crate::{Error, Segment};

/// A stretch of a text that one token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The bytes of the text, with the white space that the token swallows.
    pub(super) range: Range<usize>,
    /// The token.
    pub(super) token: u32,
}

/// The added tokens of a tokenizer, searched for in trusted text only.
///
/// The tokenizer's own search knows no untrusted text, and run segment by segment it would take each
/// segment for the beginning of a text.
#[derive(Debug)]
pub(super) struct AddedTokens {
    finder: AhoCorasick,
    tokens: Vec<(u32, AddedToken)>,
    control: HashSet<u32>,
}

impl AddedTokens {
    pub(super) fn new(mut tokens: Vec<(u32, AddedToken)>) -> Result<Self, Error> {
        tokens.sort_unstable_by_key(|(id, _)| *id);
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|(_, token)| &token.content))
            .map_err(Error::SpecialTokens)?;
        let is_control = |token: &AddedToken| token.special || is_turn_mark(&token.content);
        let control = tokens.iter().filter(|(_, token)| is_control(token)).map(|(id, _)| *id);
        let control = control.collect();
        Ok(Self { finder, tokens, control })
    }

    /// Whether this token steers the model instead of being text.
    pub(super) fn is_control(&self, token: u32) -> bool {
        self.control.contains(&token)
    }

    /// How an added token is written.
    pub(super) fn text(&self, token: u32) -> Option<&str> {
        let found = self.tokens.binary_search_by_key(&token, |(id, _)| *id);
        Some(self.tokens[found.ok()?].1.content.as_str())
    }

    /// The tokens that steer the model and how they are written, in order of their numbers.
    pub(super) fn control(&self) -> impl Iterator<Item = (u32, &str)> {
        let control = self.tokens.iter().filter(|(id, _)| self.is_control(*id));
        control.map(|(id, token)| (*id, token.content.as_str()))
    }

    /// Where added tokens stand in the trusted segments of `text`, which is all segments joined.
    pub(super) fn marks(&self, segments: &[Segment], text: &str) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::new();
        let mut start = 0;
        for segment in segments {
            let end = start + segment.text.len();
            if segment.trusted {
                for found in self.finder.find_iter(&segment.text) {
                    let (id, token) = &self.tokens[found.pattern()];
                    let range = start + found.start()..start + found.end();
                    let taken = marks.last().map_or(0, |mark| mark.range.end);
                    if range.start >= taken && stands_alone(token, text, &range) {
                        marks.push(Mark { range: widened(token, text, range, taken), token: *id });
                    }
                }
            }
            start = end;
        }
        marks
    }
}

/// Whether a token is written like the marks between turns. Some tokenizers list such tokens
/// without calling them special.
fn is_turn_mark(content: &str) -> bool {
    ["|", "\u{FF5C}"].iter().any(|bar| {
        let inner = content.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        inner.is_some_and(|inner| {
            inner.len() > 2 * bar.len() && inner.starts_with(bar) && inner.ends_with(bar)
        })
    })
}

/// Whether the token may be found here: some are only found where they are no part of a word.
fn stands_alone(token: &AddedToken, text: &str, range: &Range<usize>) -> bool {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    !(token.single_word
        && (text[..range.start].ends_with(is_word) || text[range.end..].starts_with(is_word)))
}

/// The range with the white space around it that the token swallows, from `taken` on.
fn widened(token: &AddedToken, text: &str, range: Range<usize>, taken: usize) -> Range<usize> {
    let Range { mut start, mut end } = range;
    if token.lstrip {
        start = taken + text[taken..start].trim_end().len();
    }
    if token.rstrip {
        end = text.len() - text[end..].trim_start().len();
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(tokens: &[AddedToken], segments: &[(&str, bool)]) -> Vec<Mark> {
        let tokens = tokens.iter().enumerate().map(|(id, token)| (id as u32, token.clone()));
        let segments: Vec<Segment> = segments
            .iter()
            .map(|(text, trusted)| Segment { text: (*text).to_owned(), trusted: *trusted })
            .collect();
        let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
        AddedTokens::new(tokens.collect()).unwrap().marks(&segments, &text)
    }

    #[test]
    fn only_trusted_text_is_searched() {
        let end = AddedToken::from("<end>", true);
        assert_eq!(
            marks(&[end], &[("a<end>", true), ("<end>", false), ("é<end>", true), ("<e", true)]),
            [Mark { range: 1..6, token: 0 }, Mark { range: 13..18, token: 0 }]
        );
    }

    #[test]
    fn a_token_is_not_put_together_from_segments() {
        let end = AddedToken::from("<end>", true);
        assert_eq!(marks(&[end], &[("<e", true), ("nd>", false)]), []);
    }

    #[test]
    fn the_longest_token_wins() {
        let tokens = [AddedToken::from("<a>", true), AddedToken::from("<a><b>", true)];
        assert_eq!(marks(&tokens, &[("<a><b>", true)]), [Mark { range: 0..6, token: 1 }]);
    }

    #[test]
    fn white_space_goes_with_tokens_that_swallow_it_once() {
        let tokens = [
            AddedToken::from("<l>", true).lstrip(true),
            AddedToken::from("<r>", true).rstrip(true),
        ];
        assert_eq!(
            marks(&tokens, &[("a<r>\n ", true), (" ", false), ("<l>", true)]),
            [Mark { range: 1..7, token: 1 }, Mark { range: 7..10, token: 0 }]
        );
    }

    #[test]
    fn a_white_space_token_inside_swallowed_space_is_passed_over() {
        let tokens = [AddedToken::from("<r>", true).rstrip(true), AddedToken::from("\n\n", false)];
        assert_eq!(marks(&tokens, &[("<r>\n\na", true)]), [Mark { range: 0..5, token: 0 }]);
    }

    #[test]
    fn single_words_are_not_found_within_words() {
        let token = AddedToken::from("yes", false).single_word(true);
        assert_eq!(
            marks(&[token], &[("yes eyes yes_ é!yes", true)]),
            [Mark { range: 0..3, token: 0 }, Mark { range: 17..20, token: 0 }]
        );
    }

    #[test]
    fn marks_between_turns_are_known_by_their_shape() {
        for mark in ["<|User|>", "<\u{FF5C}Assistant\u{FF5C}>"] {
            assert!(is_turn_mark(mark), "{mark}");
        }
        for text in ["<think>", "<||>", "<|", "|x|", "\n\n"] {
            assert!(!is_turn_mark(text), "{text}");
        }
    }
}
