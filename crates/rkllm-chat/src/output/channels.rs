//! Messages in channels, each with a header that says what it is.

use super::named::recipient;

/// Longest header, in bytes.
const MAX_HEADER: usize = 256;

/// Reads the headers of an answer that consists of messages:
/// `<|start|>assistant<|channel|>analysis<|message|>`, and the first without its start, which the
/// prompt ends with.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    /// Whether thoughts and texts are to be told apart; else only calls are looked for.
    divides: bool,
    /// The header under way.
    header: Option<String>,
    /// Whether there was markup in it, without which it may be text.
    is_marked: bool,
}

/// What follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Text,
    Thought,
    /// The arguments of a call.
    Call,
    /// Something else, or something that is not looked for.
    Unknown,
}

impl Channels {
    /// For an answer that begins in a header or not.
    pub(super) fn new(divides: bool, in_header: bool) -> Self {
        Self { divides, header: in_header.then(String::new), is_marked: false }
    }

    pub(super) fn divides(&self) -> bool {
        self.divides
    }

    pub(super) fn in_header(&self) -> bool {
        self.header.is_some()
    }

    /// A mark that begins a header or goes on with it.
    pub(super) fn mark(&mut self, mark: &str) {
        self.is_marked = true;
        self.header.get_or_insert_default().push_str(mark);
    }

    /// More of a header; `false` if this can be none.
    pub(super) fn text(&mut self, text: &str) -> bool {
        let Some(header) = &mut self.header else { return false };
        header.push_str(text);
        let start = header.trim_start();
        let can_begin = start.starts_with("to=") || "to=".starts_with(start);
        (self.is_marked || can_begin) && header.len() <= MAX_HEADER && !header.contains('\n')
    }

    /// Ends the header, and says what it was.
    pub(super) fn take(&mut self) -> String {
        self.is_marked = false;
        self.header.take().unwrap_or_default()
    }

    /// What follows the header, now that it ends.
    pub(super) fn channel(&self) -> Channel {
        let header = self.header.as_deref().unwrap_or_default();
        if recipient(header).is_some() {
            return Channel::Call;
        }
        let header = header.strip_prefix("<|start|>").unwrap_or(header).trim();
        let header = header.strip_prefix("assistant").unwrap_or(header);
        let channel = header.trim().strip_prefix("<|channel|>").map(str::trim);
        match channel.filter(|_| self.divides) {
            Some("analysis") => Channel::Thought,
            Some("final" | "commentary") => Channel::Text,
            _ => Channel::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(header: &str) -> Channel {
        let mut channels = Channels::new(true, false);
        channels.mark(header);
        channels.channel()
    }

    #[test]
    fn headers_tell_what_follows() {
        for header in ["<|channel|>final", "<|start|>assistant<|channel|>commentary "] {
            assert_eq!(channel(header), Channel::Text, "{header}");
        }
        assert_eq!(channel("<|start|>assistant <|channel|>analysis"), Channel::Thought);
        for header in [
            "<|channel|>commentary to=functions.f <|constrain|>json",
            "<|start|>assistant to=functions.f<|channel|>commentary json",
        ] {
            assert_eq!(channel(header), Channel::Call, "{header}");
        }
        for header in ["<|start|>user", "<|channel|>", "<|channel|>analysis final", "<|start|>"] {
            assert_eq!(channel(header), Channel::Unknown, "{header}");
        }
    }

    #[test]
    fn a_header_without_markup_begins_with_its_recipient() {
        let is_header = |texts: &[&str]| {
            let mut channels = Channels::new(true, true);
            texts.iter().all(|text| channels.text(text))
        };
        assert!(is_header(&[" ", "t", "o=functions", ".f"]));
        assert!(!is_header(&[" ", "t", "he"]));
        assert!(!is_header(&["to=f\n"]));
    }
}
