//! A bound on the memory that one server-sent event can take.

/// Counts the bytes since the last end of an event, across chunks.
///
/// The event parser buffers until an event is complete; what never completes one must not fill the memory.
#[derive(Debug)]
pub(crate) struct EventSize {
    bytes: usize,
    line_is_empty: bool,
    after_cr: bool,
}

impl EventSize {
    pub(crate) fn new() -> Self {
        Self { bytes: 0, line_is_empty: true, after_cr: false }
    }

    /// Whether every event stays within `limit` bytes up to the end of `chunk`.
    pub(crate) fn within(&mut self, limit: usize, chunk: &[u8]) -> bool {
        chunk.iter().all(|&byte| {
            self.push(byte);
            self.bytes <= limit
        })
    }

    fn push(&mut self, byte: u8) {
        let second_half_of_crlf = byte == b'\n' && self.after_cr;
        self.after_cr = byte == b'\r';
        self.bytes += 1;
        match byte {
            b'\n' if second_half_of_crlf => {}
            b'\n' | b'\r' => {
                if self.line_is_empty {
                    self.bytes = 0;
                }
                self.line_is_empty = true;
            }
            _ => self.line_is_empty = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_line_ends_an_event_with_every_line_ending() {
        for stream in ["data: x\n\n", "data: x\r\n\r\n", "data: x\r\r", ": ping\n\n"] {
            let mut size = EventSize::new();
            assert!(size.within(stream.len(), stream.repeat(5).as_bytes()), "{stream:?}");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        for stream in ["x", "data: x\n", "data: x\r\n", "data: x\r"] {
            let mut size = EventSize::new();
            assert!(size.within(40, stream.repeat(40 / stream.len()).as_bytes()));
            assert!(!size.within(40, stream.repeat(5).as_bytes()), "{stream:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(bytes in "[a\r\n]{0,60}", at: prop::sample::Index) {
            let bytes = bytes.as_bytes();
            let (left, right) = bytes.split_at(at.index(bytes.len() + 1));
            let mut split = EventSize::new();
            let in_chunks = split.within(9, left) && split.within(9, right);
            prop_assert_eq!(in_chunks, EventSize::new().within(9, bytes));
        }
    }
}
