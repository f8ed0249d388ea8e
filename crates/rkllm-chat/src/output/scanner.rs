//! Finds marks in text that arrives in pieces.

use super::mark::Mark;

/// Text between marks, or one mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol<'t> {
    /// Text without any mark; not empty.
    Text(&'t str),
    /// A mark and its text.
    Mark(Mark, &'t str),
}

/// Tells marks from text, wherever the pieces of text end.
///
/// The leftmost mark counts, and the shortest of those that begin at one place, because that is
/// what can be told without waiting for what follows.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    marks: Vec<(String, Mark)>,
    /// Whether a mark begins with this byte.
    begins: [bool; 256],
    /// The end of the text so far, as long as it is the beginning of a mark.
    held: String,
}

/// What stands at the first place of interest in a text.
enum Found {
    Nothing,
    Whole { at: usize, mark: usize },
    Beginning { at: usize },
}

impl Scanner {
    /// A scanner for these marks, none of them empty.
    pub(super) fn new(marks: Vec<(String, Mark)>) -> Self {
        let mut begins = [false; 256];
        for (text, _) in &marks {
            begins[usize::from(text.as_bytes()[0])] = true;
        }
        Self { marks, begins, held: String::new() }
    }

    /// Whether a text is a mark or a part of one.
    pub(super) fn knows(&self, text: &str) -> bool {
        !text.is_empty() && self.marks.iter().any(|(mark, _)| mark.contains(text))
    }

    /// Takes the next piece and gives the symbols that are certain.
    pub(super) fn push(&mut self, piece: &str, take: &mut dyn FnMut(Symbol<'_>)) {
        if self.held.is_empty() {
            let certain = self.scan(piece, take);
            self.held.push_str(&piece[certain..]);
            return;
        }
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        let certain = self.scan(&text, take);
        text.drain(..certain);
        self.held = text;
    }

    /// What is held back when no text follows.
    pub(super) fn finish(self) -> String {
        self.held
    }

    /// Gives symbols up to what may be the beginning of a mark; says where that is.
    fn scan(&self, text: &str, take: &mut dyn FnMut(Symbol<'_>)) -> usize {
        let mut start = 0;
        loop {
            let rest = &text[start..];
            let (plain, mark) = match self.find(rest) {
                Found::Nothing => (rest.len(), None),
                Found::Beginning { at } => (at, None),
                Found::Whole { at, mark } => (at, Some(&self.marks[mark])),
            };
            if plain > 0 {
                take(Symbol::Text(&rest[..plain]));
            }
            start += plain;
            let Some((written, mark)) = mark else { return start };
            take(Symbol::Mark(*mark, written));
            start += written.len();
        }
    }

    fn find(&self, text: &str) -> Found {
        for (at, byte) in text.bytes().enumerate() {
            if !self.begins[usize::from(byte)] {
                continue;
            }
            let rest = &text.as_bytes()[at..];
            let whole = self.marks.iter().enumerate();
            let whole = whole.filter(|(_, (mark, _))| rest.starts_with(mark.as_bytes()));
            if let Some((mark, _)) = whole.min_by_key(|(_, (mark, _))| mark.len()) {
                return Found::Whole { at, mark };
            }
            if self.marks.iter().any(|(mark, _)| mark.as_bytes().starts_with(rest)) {
                return Found::Beginning { at };
            }
        }
        Found::Nothing
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn scanner(marks: &[&str]) -> Scanner {
        Scanner::new(marks.iter().map(|mark| (mark.to_string(), Mark::Closer)).collect())
    }

    /// Each mark in brackets of its own, text as it is.
    fn shown(mut scanner: Scanner, pieces: &[String]) -> String {
        let mut shown = String::new();
        for piece in pieces {
            scanner.push(piece, &mut |symbol| match symbol {
                Symbol::Text(text) => shown += text,
                Symbol::Mark(_, text) => shown += &format!("«{text}»"),
            });
        }
        shown + &scanner.finish()
    }

    #[test]
    fn the_leftmost_and_shortest_mark_counts() {
        let text = ["a<b<bc>d".to_owned()];
        assert_eq!(shown(scanner(&["<bc>", "<bc", "<b>"]), &text), "a<b«<bc»>d");
    }

    #[test]
    fn a_beginning_is_held_back_until_it_is_decided() {
        let mut scanner = scanner(&["</s>"]);
        let mut given = Vec::new();
        scanner.push("x</", &mut |symbol| given.push(format!("{symbol:?}")));
        scanner.push("<", &mut |symbol| given.push(format!("{symbol:?}")));
        assert_eq!(given, ["Text(\"x\")", "Text(\"</\")"]);
        assert_eq!(scanner.finish(), "<");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            marks in vec("[ab€]{1,4}", 0..5),
            text in "[abé€]{0,24}",
            sizes in vec(0usize..4, 0..24),
        ) {
            let marks: Vec<&str> = marks.iter().map(String::as_str).collect();
            let mut chars = text.chars();
            let mut pieces: Vec<String> =
                sizes.iter().map(|size| chars.by_ref().take(*size).collect()).collect();
            pieces.push(chars.collect());
            let split = shown(scanner(&marks), &pieces);
            prop_assert_eq!(&split, &shown(scanner(&marks), std::slice::from_ref(&text)));
            prop_assert_eq!(split.replace(['«', '»'], ""), text);
        }
    }
}
