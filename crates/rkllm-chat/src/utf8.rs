//! From a model's bytes to text.

use std::borrow::Cow;

/// Puts characters together that arrive in pieces, as a token may end within one.
///
/// Bytes that cannot become a character turn into U+FFFD at once, as in
/// [`String::from_utf8_lossy`]; bytes that still can are kept, three at most.
///
/// ```
/// use rkllm_chat::Utf8Assembler;
///
/// let mut assembler = Utf8Assembler::new();
/// assert_eq!(assembler.push(b"caf\xC3"), "caf");
/// assert_eq!(assembler.push(b"\xA9 au lait"), "é au lait");
/// assert_eq!(assembler.finish(), "");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Utf8Assembler {
    tail: [u8; 3],
    tail_len: usize,
}

impl Utf8Assembler {
    /// An assembler that keeps nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text that is complete with these bytes, borrowed from them where possible.
    pub fn push<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, str> {
        if self.tail_len == 0 {
            return self.decode(bytes);
        }
        let mut joined = Vec::with_capacity(self.tail_len + bytes.len());
        joined.extend_from_slice(&self.tail[..self.tail_len]);
        joined.extend_from_slice(bytes);
        self.tail_len = 0;
        Cow::Owned(self.decode(&joined).into_owned())
    }

    /// U+FFFD if the bytes ended within a character, else nothing.
    pub fn finish(self) -> &'static str {
        if self.tail_len == 0 { "" } else { "\u{FFFD}" }
    }

    /// Decodes `bytes` and keeps an unfinished character at their end.
    fn decode<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, str> {
        let mut text = Cow::Borrowed("");
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            // Adding borrows as long as there is nothing to join.
            text += chunk.valid();
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_unfinished(invalid) {
                self.tail[..invalid.len()].copy_from_slice(invalid);
                self.tail_len = invalid.len();
            } else if !invalid.is_empty() {
                text += "\u{FFFD}";
            }
        }
        text
    }
}

/// Whether further bytes can make a character of these.
fn is_unfinished(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_text_is_borrowed() {
        let mut assembler = Utf8Assembler::new();
        assert!(matches!(assembler.push("naïve".as_bytes()), Cow::Borrowed("naïve")));
        assert!(matches!(assembler.push(b"end \xF0\x9F"), Cow::Borrowed("end ")));
        assert_eq!(assembler.push(b"\x98\x80"), "😀");
    }

    #[test]
    fn an_impossible_byte_is_replaced_at_once() {
        let mut assembler = Utf8Assembler::new();
        assert_eq!(assembler.push(b"a\xFFb"), "a\u{FFFD}b");
        assert_eq!(assembler.push(b"\xE2\x82"), "");
        assert_eq!(assembler.push(b"x"), "\u{FFFD}x");
    }

    #[test]
    fn a_dangling_character_is_replaced_at_the_end() {
        let mut assembler = Utf8Assembler::new();
        assert_eq!(assembler.push(b"\xF0\x9F\x98"), "");
        assert_eq!(assembler.finish(), "\u{FFFD}");
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let text = any::<String>().prop_map(String::into_bytes);
        let broken = vec(prop_oneof![0x80u8..=0xFF, any::<u8>()], 0..4);
        vec(prop_oneof![text, broken], 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_split_gives_what_the_whole_gives(bytes in bytes(), sizes in vec(0usize..5, 0..64)) {
            let mut assembler = Utf8Assembler::new();
            let mut text = String::new();
            let mut rest = bytes.as_slice();
            for size in sizes {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                text += &assembler.push(piece);
                rest = after;
            }
            text += &assembler.push(rest);
            text += assembler.finish();
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
