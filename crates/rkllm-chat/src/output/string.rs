//! The inside of a string, from what models write to JSON.

use std::fmt::Write as _;

/// Reads the characters of a quoted string one by one and writes them as JSON wants them.
///
/// Escapes that JSON does not know keep their backslash, halves of surrogate pairs become U+FFFD,
/// and control characters are escaped.
#[derive(Debug, Clone, Default)]
pub(super) struct StringMender {
    escape: Escape,
    /// The first half of a surrogate pair, waiting for the second.
    high: Option<u16>,
    /// Whether the last character belongs to a word.
    is_in_word: bool,
    /// Whether a quotation was begun within the string by the quote that encloses it.
    is_quoting: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Backslash,
    Hex {
        value: u16,
        digits: usize,
    },
}

impl StringMender {
    /// Whether the next character belongs to an escape, so that a quote does not end the string.
    pub(super) fn is_escaping(&self) -> bool {
        self.escape != Escape::None
    }

    /// Takes the quote that encloses the string as part of it, as a word follows: an apostrophe, or
    /// the beginning of a quotation.
    pub(super) fn take_quote(&mut self, quote: char, out: &mut String) {
        self.is_quoting = !self.is_in_word;
        self.take(quote, out);
    }

    /// Whether the quote that encloses the string would end a quotation in it; asked once for each.
    pub(super) fn ends_quotation(&mut self) -> bool {
        std::mem::take(&mut self.is_quoting)
    }

    /// Takes one character; `false` if it ended an escape without being part of it and must be
    /// given again.
    pub(super) fn take(&mut self, c: char, out: &mut String) -> bool {
        self.is_in_word = c.is_alphanumeric();
        match self.escape {
            Escape::None if c == '\\' => self.escape = Escape::Backslash,
            Escape::None => {
                self.give_up_half(out);
                write_char(c, out);
            }
            Escape::Backslash => self.escaped(c, out),
            Escape::Hex { value, digits } => return self.hex(c, (value, digits), out),
        }
        true
    }

    /// Ends the string: what was begun is written as text.
    pub(super) fn finish(&mut self, out: &mut String) {
        if let Escape::Hex { value, digits } = self.escape {
            self.broken_hex((value, digits), out);
        }
        self.give_up_half(out);
        *self = Self::default();
    }

    fn escaped(&mut self, c: char, out: &mut String) {
        self.escape = Escape::None;
        if c == 'u' {
            self.escape = Escape::Hex { value: 0, digits: 0 };
            return;
        }
        self.give_up_half(out);
        match c {
            'b' | 'f' | 'n' | 'r' | 't' | '/' | '\\' | '"' => out.extend(['\\', c]),
            '\'' | '\n' => write_char(c, out),
            _ => {
                out.push_str("\\\\");
                write_char(c, out);
            }
        }
    }

    fn hex(&mut self, c: char, (value, digits): (u16, usize), out: &mut String) -> bool {
        let Some(digit) = c.to_digit(16) else {
            self.broken_hex((value, digits), out);
            return false;
        };
        let value = value << 4 | digit as u16;
        if digits < 3 {
            self.escape = Escape::Hex { value, digits: digits + 1 };
        } else {
            self.escape = Escape::None;
            self.unit(value, out);
        }
        true
    }

    /// Takes a whole `\uXXXX`.
    fn unit(&mut self, unit: u16, out: &mut String) {
        if let Some(high) = self.high
            && let Some(Ok(c)) = char::decode_utf16([high, unit]).next()
        {
            self.high = None;
            write_char(c, out);
            return;
        }
        self.give_up_half(out);
        match char::decode_utf16([unit]).next() {
            Some(Ok(c)) => write_char(c, out),
            _ if unit < 0xDC00 => self.high = Some(unit),
            _ => out.push('\u{FFFD}'),
        }
    }

    fn broken_hex(&mut self, (value, digits): (u16, usize), out: &mut String) {
        self.escape = Escape::None;
        self.give_up_half(out);
        out.push_str("\\\\u");
        if digits > 0 {
            write!(out, "{value:0digits$x}").expect("a String takes all");
        }
    }

    fn give_up_half(&mut self, out: &mut String) {
        if self.high.take().is_some() {
            out.push('\u{FFFD}');
        }
    }
}

/// Writes a character as JSON has it inside a string.
pub(super) fn write_char(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..'\x20' => write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes all"),
        _ => out.push(c),
    }
}

/// Writes a text as a JSON string.
pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    text.chars().for_each(|c| write_char(c, out));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What becomes of the inside of a string, read back by a strict parser.
    fn mended(inside: &str) -> String {
        let mut mender = StringMender::default();
        let mut out = String::from("\"");
        for c in inside.chars() {
            while !mender.take(c, &mut out) {}
        }
        mender.finish(&mut out);
        out.push('"');
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn escapes_are_read_and_mended() {
        assert_eq!(mended(r#"a\nb\"c\\d\/e"#), "a\nb\"c\\d/e");
        assert_eq!(mended("two\nlines\tand\u{1}"), "two\nlines\tand\u{1}");
        assert_eq!(mended(r"it\'s \d+ \x41"), r"it's \d+ \x41");
        assert_eq!(mended(r"\u00e9 \uD83D\uDE00"), "é 😀");
        assert_eq!(mended(r"\uD83D, \uDE00, \uD83D\uD83D\uDE00"), "\u{FFFD}, \u{FFFD}, \u{FFFD}😀");
        assert_eq!(mended(r"\uD83D\u0041\uD83D\n"), "\u{FFFD}A\u{FFFD}\n");
        assert_eq!(mended(r"\u12 \u0g \u"), r"\u12 \u0g \u");
        assert_eq!(mended(r"end\"), "end");
    }

    proptest! {
        #[test]
        fn anything_becomes_a_valid_string(inside in r#"(\\|u|d8|[0-9a-fD]|["n'é€]|.){0,24}"#) {
            mended(&inside);
        }

        #[test]
        fn what_is_valid_stays_what_it_is(text in ".{0,24}") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(mended(&json[1..json.len() - 1]), text);
        }
    }
}
