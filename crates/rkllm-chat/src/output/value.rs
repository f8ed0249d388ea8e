//! The value of a parameter, from what stands between its tags to JSON.

use super::literal::write_literal;
use super::string::{write_char, write_string};

/// Longest value that waits for its end to be told a number from a string, in bytes.
const MAX_WAITING: usize = 1 << 20;

/// Bytes that decide how a value begins, and how it may end.
const EDGE: usize = 16;

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// How a value stands between its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// As it is, or in a section of `CDATA`.
    Plain,
    /// In lines of its own.
    Lines,
}

/// Writes a value. A string is written while it comes; what may be something else waits.
#[derive(Debug, Clone)]
pub(super) struct ParameterValue {
    layout: Layout,
    is_string: bool,
    /// What came and is not written.
    waiting: String,
    is_begun: bool,
    in_cdata: bool,
}

impl ParameterValue {
    pub(super) fn new(layout: Layout, is_string: bool) -> Self {
        Self { layout, is_string, waiting: String::new(), is_begun: false, in_cdata: false }
    }

    /// Takes one character; `false` if the value is too long to wait any more.
    pub(super) fn take(&mut self, c: char) -> bool {
        let fits = self.is_string || self.waiting.len() < MAX_WAITING;
        if fits {
            self.waiting.push(c);
        }
        fits
    }

    /// Whether what came last ends a line.
    pub(super) fn ends_line(&self) -> bool {
        self.waiting.ends_with('\n')
    }

    /// Writes what is certain.
    pub(super) fn flush(&mut self, out: &mut String) {
        if !self.is_string || self.waiting.len() <= EDGE {
            return;
        }
        self.begin(out);
        let certain = self.waiting.floor_char_boundary(self.waiting.len().saturating_sub(EDGE));
        self.waiting.drain(..certain).for_each(|c| write_char(c, out));
    }

    /// Writes the rest: the value ends here.
    pub(super) fn finish(mut self, out: &mut String) {
        if self.is_string {
            self.begin(out);
            let text = self.without_end();
            text.chars().for_each(|c| write_char(c, out));
            out.push('"');
            return;
        }
        self.drop_start();
        let text = self.without_end();
        if self.in_cdata || !write_json(text.trim(), out) {
            write_string(text, out);
        }
    }

    fn begin(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.drop_start();
            out.push('"');
        }
    }

    fn drop_start(&mut self) {
        match self.layout {
            Layout::Lines if self.waiting.starts_with('\n') => {
                self.waiting.remove(0);
            }
            Layout::Plain if self.waiting.starts_with(CDATA) => {
                self.in_cdata = true;
                self.waiting.drain(..CDATA.len());
            }
            _ => {}
        }
    }

    fn without_end(&self) -> &str {
        let end = match self.layout {
            Layout::Lines => "\n",
            Layout::Plain if self.in_cdata => CDATA_END,
            Layout::Plain => "",
        };
        self.waiting.strip_suffix(end).unwrap_or(&self.waiting)
    }
}

/// Writes a value that is not a string; `false` if it is one.
fn write_json(value: &str, out: &mut String) -> bool {
    let is_container =
        value.starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(value).is_ok();
    if is_container {
        out.push_str(value);
    }
    is_container || write_literal(value, out)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What pieces of a value become, and what of it was written before the end.
    fn written(mut value: ParameterValue, pieces: &[&str]) -> (String, String) {
        let mut out = String::new();
        for piece in pieces {
            assert!(piece.chars().all(|c| value.take(c)));
            value.flush(&mut out);
        }
        let early = out.clone();
        value.finish(&mut out);
        (out, early)
    }

    fn whole(layout: Layout, is_string: bool, text: &str) -> String {
        written(ParameterValue::new(layout, is_string), &[text]).0
    }

    #[test]
    fn what_is_no_string_is_told_by_its_looks() {
        let plain = |text| whole(Layout::Plain, false, text);
        assert_eq!(plain("12"), "12");
        assert_eq!(plain(" [1, \"x\"] "), "[1, \"x\"]");
        assert_eq!(plain("{x}"), "\"{x}\"");
        assert_eq!(plain("<![CDATA[12]]>"), "\"12\"");
        assert_eq!(whole(Layout::Plain, true, "12"), "\"12\"");
        assert_eq!(whole(Layout::Lines, false, "\nTrue\n"), "true");
    }

    #[test]
    fn only_the_lines_around_a_value_are_left_out() {
        assert_eq!(whole(Layout::Lines, true, "\n\na\n\n"), r#""\na\n""#);
        assert_eq!(whole(Layout::Plain, true, "\na\n"), r#""\na\n""#);
        assert_eq!(whole(Layout::Plain, true, "<![CDATA[a < b]]>"), "\"a < b\"");
    }

    #[test]
    fn strings_are_written_while_they_come() {
        let value = ParameterValue::new(Layout::Lines, true);
        let (out, early) = written(value, &["\nThe first line\n", "and \"more\".\n"]);
        assert_eq!(out, r#""The first line\nand \"more\".""#);
        assert_eq!(early, r#""The first l"#);
    }

    #[test]
    fn what_must_wait_does_not_wait_for_ever() {
        let mut value = ParameterValue::new(Layout::Plain, false);
        assert_eq!((1..).find(|_| !value.take('a')), Some(MAX_WAITING + 1));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            pieces in vec(r"(\n|<!\[CDATA\[|\]\]>|[a\]>é]){0,12}", 0..6),
            lines in any::<bool>(),
        ) {
            let layout = if lines { Layout::Lines } else { Layout::Plain };
            let text = pieces.concat();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let split = written(ParameterValue::new(layout, true), &pieces).0;
            prop_assert_eq!(&split, &whole(layout, true, &text));
            prop_assert!(serde_json::from_str::<String>(&split).is_ok());
        }
    }
}
