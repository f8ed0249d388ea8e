//! The text of tokens as C strings, whole characters only.

use std::ffi::CStr;

use rkllm_chat::Utf8Assembler;

use crate::llama::{Model, Token};

/// Turns the tokens of one run into text, without allocating for each of them.
#[derive(Debug, Default)]
pub(crate) struct TokenText {
    assembler: Utf8Assembler,
    piece: Vec<u8>,
    text: Vec<u8>,
}

/// What a token adds to the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added<'t> {
    /// Whole characters, perhaps none.
    Text(&'t CStr),
    /// Bytes that begin a character; a later token brings the rest.
    Waiting,
}

impl TokenText {
    /// The text that is complete with `token`; `special` writes special tokens as text.
    ///
    /// Nothing waits after the `last` token: an unfinished character becomes U+FFFD.
    pub(crate) fn add(
        &mut self,
        model: &Model,
        (token, special): (Token, bool),
        last: bool,
    ) -> Added<'_> {
        let mut piece = std::mem::take(&mut self.piece);
        piece.clear();
        model.append_piece(token, special, &mut piece);
        self.piece = piece;
        self.complete(last)
    }

    fn complete(&mut self, last: bool) -> Added<'_> {
        let Self { assembler, piece, text } = self;
        text.clear();
        append(text, &assembler.push(piece));
        if last {
            append(text, std::mem::take(assembler).finish());
        }
        if text.is_empty() && !piece.is_empty() {
            return Added::Waiting;
        }
        Added::Text(terminate(text))
    }

    /// What is left of a character that never became whole.
    pub(crate) fn rest(&mut self) -> &CStr {
        self.text.clear();
        append(&mut self.text, std::mem::take(&mut self.assembler).finish());
        terminate(&mut self.text)
    }
}

/// Adds text; NUL, which would end a C string early, becomes U+FFFD.
fn append(buffer: &mut Vec<u8>, text: &str) {
    for (index, part) in text.split('\0').enumerate() {
        if index > 0 {
            buffer.extend_from_slice("\u{FFFD}".as_bytes());
        }
        buffer.extend_from_slice(part.as_bytes());
    }
}

fn terminate(buffer: &mut Vec<u8>) -> &CStr {
    buffer.push(0);
    CStr::from_bytes_until_nul(buffer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn feed(text: &mut TokenText, piece: &[u8], last: bool) -> Option<String> {
        text.piece = piece.to_vec();
        match text.complete(last) {
            Added::Text(text) => Some(text.to_str().expect("valid UTF-8").to_owned()),
            Added::Waiting => None,
        }
    }

    #[test]
    fn a_split_character_waits_for_its_end() {
        let mut text = TokenText::default();
        assert_eq!(feed(&mut text, b"\xF0\x9F", false), None);
        assert_eq!(feed(&mut text, b"\x99", false), None);
        assert_eq!(feed(&mut text, b"\x82 ok", false).as_deref(), Some("🙂 ok"));
    }

    #[test]
    fn an_unfinished_character_is_not_lost() {
        let mut text = TokenText::default();
        assert_eq!(feed(&mut text, b"a\xF0\x9F", true).as_deref(), Some("a\u{FFFD}"));
        assert_eq!(feed(&mut text, b"\xF0\x9F", false), None);
        assert_eq!(text.rest(), c"\u{FFFD}");
        assert_eq!(text.rest(), c"");
    }

    #[test]
    fn nul_does_not_cut_text_off() {
        let mut text = TokenText::default();
        assert_eq!(feed(&mut text, b"a\0b", false).as_deref(), Some("a\u{FFFD}b"));
        assert_eq!(feed(&mut text, b"", false).as_deref(), Some(""));
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_whole(pieces in prop::collection::vec(prop::collection::vec(1_u8.., 0..5), 1..20)) {
            let mut text = TokenText::default();
            let mut joined = String::new();
            for piece in &pieces {
                joined += &feed(&mut text, piece, false).unwrap_or_default();
            }
            joined += text.rest().to_str().expect("valid UTF-8");
            let whole = pieces.concat();
            prop_assert_eq!(joined, String::from_utf8_lossy(&whole));
        }
    }
}
