//! The alphabet in which byte-level tokenizers spell bytes.

/// The bytes that a token of a byte-level vocabulary stands for; `None` when it has characters that
/// are not of the alphabet.
pub(super) fn bytes(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte).collect()
}

/// The byte that a character stands for.
///
/// Bytes that print as a character of Latin-1 are that character; the others follow from U+0100 on,
/// in their order.
fn byte(char: char) -> Option<u8> {
    let code = u32::from(char);
    match u8::try_from(code) {
        Ok(byte) => prints(byte).then_some(byte),
        Err(_) => {
            let index = usize::try_from(code - 0x100).ok()?;
            (0..=u8::MAX).filter(|&byte| !prints(byte)).nth(index)
        }
    }
}

fn prints(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let alphabet = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
        let mut found: Vec<u8> = alphabet.iter().map(|&char| byte(char).unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, (0..=u8::MAX).collect::<Vec<u8>>());
    }

    #[test]
    fn spaces_and_newlines_have_letters() {
        assert_eq!(bytes("Ġaé").unwrap(), b" a\xE9");
        assert_eq!(bytes("ĊĠ").unwrap(), b"\n ");
        assert_eq!(bytes("a b"), None);
        assert_eq!(bytes("日"), None);
    }
}
