//! Tokens to text while they arrive.

use std::borrow::Cow;
use std::sync::Arc;

use super::pieces::Pieces;
use crate::Utf8Assembler;

/// Makes text of tokens as they come, the same text as of all tokens at once.
///
/// A character whose bytes are spread over tokens is given with the last of them.
#[derive(Debug, Clone)]
pub struct Decoder {
    pieces: Arc<Pieces>,
    special: bool,
    /// What is still dropped if it comes next: a byte, and how often at most.
    leading: Option<(u8, usize)>,
    utf8: Utf8Assembler,
}

impl Decoder {
    pub(super) fn new(pieces: Arc<Pieces>, special: bool) -> Self {
        let leading = pieces.leading();
        Self { pieces, special, leading, utf8: Utf8Assembler::new() }
    }

    /// The text that is complete with this token; a number that the vocabulary has not adds none.
    pub fn push(&mut self, token: i32) -> Cow<'_, str> {
        let bytes = self.pieces.get(token, self.special);
        self.utf8.push(without_leading(bytes, &mut self.leading))
    }

    /// U+FFFD if the tokens ended within a character, else nothing.
    pub fn finish(self) -> &'static str {
        self.utf8.finish()
    }
}

/// The bytes without those that are still to be dropped at the beginning of the text.
pub(super) fn without_leading<'b>(
    mut bytes: &'b [u8],
    leading: &mut Option<(u8, usize)>,
) -> &'b [u8] {
    while let (Some((byte, most)), Some((first, rest))) = (*leading, bytes.split_first()) {
        if most == 0 || byte != *first {
            *leading = None;
        } else {
            *leading = Some((byte, most - 1));
            bytes = rest;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_text_is_dropped() {
        let mut leading = Some((b' ', 2));
        assert_eq!(without_leading(b"", &mut leading), b"");
        assert_eq!(without_leading(b" ", &mut leading), b"");
        assert_eq!(without_leading(b"  a", &mut leading), b" a");
        assert_eq!(without_leading(b" b", &mut leading), b" b");
    }
}
