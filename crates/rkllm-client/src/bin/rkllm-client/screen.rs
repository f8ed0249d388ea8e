//! Standard output, which says more to a person than to a pipe.

use std::io::{self, IsTerminal, Write};

use rkllm_client::api::{Finish, FinishReason};

pub(crate) struct Screen {
    /// Somebody reads.
    terminal: bool,
    /// Somebody reads and types.
    interactive: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        Self { terminal, interactive: terminal && io::stdin().is_terminal() }
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Asks for a line.
    pub(crate) fn prompt(&self) -> io::Result<()> {
        if self.interactive { self.print("> ") } else { Ok(()) }
    }

    /// Leaves the line of a prompt that got no answer.
    pub(crate) fn leave_prompt(&self) -> io::Result<()> {
        if self.interactive { self.print("\n") } else { Ok(()) }
    }

    /// Prints at once, without waiting for the end of the line.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// A whole line.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        self.print(&format!("{text}\n"))
    }

    /// A dim line that only people want to see.
    pub(crate) fn note(&self, text: &str) -> io::Result<()> {
        if self.terminal { self.print(&format!("\x1b[2m{text}\x1b[0m\n")) } else { Ok(()) }
    }

    /// A dim piece of what the model thinks, which only people want to see.
    pub(crate) fn thought(&self, text: &str) -> io::Result<()> {
        if self.terminal { self.print(&format!("\x1b[2m{text}\x1b[0m")) } else { Ok(()) }
    }

    /// Parts the thoughts from the answer.
    pub(crate) fn end_thoughts(&self) -> io::Result<()> {
        if self.terminal { self.print("\n\n") } else { Ok(()) }
    }

    /// How the answer went.
    pub(crate) fn finish(&self, finish: &Finish) -> io::Result<()> {
        let tokens = finish.usage.completion_tokens;
        let speed = finish.timings.tokens_per_second;
        let cut = match finish.finish_reason {
            FinishReason::Length => ", cut at the limit of tokens",
            _ => "",
        };
        self.note(&format!("{tokens} tokens, {speed:.1} tokens/s{cut}"))
    }
}
