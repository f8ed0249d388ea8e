//! White space of which it is not yet known whether it is markup.

/// Longest run of white space that waits, in bytes. A longer one is content.
const LIMIT: usize = 1024;

/// A text whose white space at the edges waits until it is known what follows.
#[derive(Debug, Clone, Default)]
pub(super) struct Gap {
    held: String,
    /// Whether this run of white space was too long to wait.
    is_spilling: bool,
    /// Whether there was anything but white space yet.
    is_begun: bool,
    /// Whether white space is dropped until there is anything else.
    drops_start: bool,
    /// Whether white space after text waits, too, not only that before it.
    holds_end: bool,
}

impl Gap {
    /// A text of which the white space at the start is dropped or waits, and that at the end waits
    /// or not.
    pub(super) fn new(drops_start: bool, holds_end: bool) -> Self {
        Self { drops_start, holds_end, ..Self::default() }
    }

    /// Takes more text and gives what is certain to be content.
    pub(super) fn take(&mut self, text: &str, give: &mut dyn FnMut(&str)) {
        let body = text.trim_ascii_start();
        self.space(&text[..text.len() - body.len()], give);
        if body.is_empty() {
            return;
        }
        self.release(give);
        (self.is_spilling, self.is_begun) = (false, true);
        if !self.holds_end {
            return give(body);
        }
        let trimmed = body.trim_ascii_end();
        give(trimmed);
        self.space(&body[trimmed.len()..], give);
    }

    fn space(&mut self, space: &str, give: &mut dyn FnMut(&str)) {
        if self.drops_start && !self.is_begun {
            return;
        }
        self.held.push_str(space);
        self.is_spilling |= self.held.len() > LIMIT;
        if self.is_spilling {
            self.release(give);
        }
    }

    /// Whether there was nothing but white space yet.
    pub(super) fn is_fresh(&self) -> bool {
        !self.is_begun
    }

    /// Gives what waits.
    pub(super) fn release(&mut self, give: &mut dyn FnMut(&str)) {
        if !self.held.is_empty() {
            give(&self.held);
            self.held.clear();
        }
    }

    /// Something else stands here. White space around it waits on between two parts of the text,
    /// and is dropped before the first.
    pub(super) fn interrupt(&mut self) {
        if !self.is_begun {
            self.held.clear();
            self.drops_start = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(gap: &mut Gap, pieces: &[&str]) -> String {
        let mut given = String::new();
        pieces.iter().for_each(|piece| gap.take(piece, &mut |text| given += text));
        given
    }

    #[test]
    fn space_waits_for_what_follows() {
        let mut gap = Gap::new(false, true);
        assert_eq!(given(&mut gap, &[" ", "\n"]), "");
        assert_eq!(given(&mut gap, &["a ", " b\n"]), " \na  b");
        gap.interrupt();
        assert_eq!(given(&mut gap, &["\n", "c"]), "\n\nc");
    }

    #[test]
    fn space_before_the_first_text_is_dropped_after_something_else() {
        let mut gap = Gap::new(false, false);
        assert_eq!(given(&mut gap, &["\n"]), "");
        gap.interrupt();
        assert_eq!(given(&mut gap, &["\n\n", "\na\n"]), "a\n");
    }

    #[test]
    fn what_is_too_long_is_released_alike_for_any_split() {
        let run = "\n".repeat(LIMIT + 10);
        for size in [1, 7, run.len()] {
            let mut gap = Gap::new(false, true);
            let pieces: Vec<&str> =
                run.as_bytes().chunks(size).map(|chunk| &run[..chunk.len()]).collect();
            assert_eq!(given(&mut gap, &pieces), run);
            assert_eq!(given(&mut gap, &["a", "\n"]), "a");
        }
    }
}
