//! Bounds that keep a hostile template from hanging the process or filling its memory.

use std::io;

/// Longest template source accepted, in bytes; real ones stay below 50 KiB.
pub(crate) const MAX_TEMPLATE: usize = 256 << 10;

/// Longest rendered prompt accepted, in bytes: some two million tokens.
pub(crate) const MAX_PROMPT: usize = 8 << 20;

/// Collects text up to a limit and fails beyond it.
#[derive(Debug)]
pub(crate) struct LimitedWriter {
    text: Vec<u8>,
    limit: usize,
    exceeded: bool,
}

impl LimitedWriter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { text: Vec::new(), limit, exceeded: false }
    }

    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded
    }

    pub(crate) fn into_text(self) -> String {
        String::from_utf8(self.text).expect("templates and JSON are written as whole strings")
    }
}

impl io::Write for LimitedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.text.len() {
            self.exceeded = true;
            return Err(io::Error::other(format!("the text exceeds {} bytes", self.limit)));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
