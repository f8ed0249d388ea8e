//! Calls that a model writes in a thought that it never ends.

use super::format::ToolFormat;
use super::options::{KnownFunction, OutputOptions};
use super::piece::Piece;
use super::{Output, Summary};

/// Longest text that is kept, in bytes.
const MAX_KEPT: usize = 1 << 16;
/// Most places in it where calls may begin.
const MAX_STARTS: usize = 16;

/// The end of a thought, from the first mark of a call on.
///
/// Models plan calls in their thoughts, which must not be made. Only where the output ends with a
/// call and the thought is still open, the end of the thought was forgotten.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    text: String,
    /// Where in it calls may begin.
    starts: Vec<usize>,
}

impl Draft {
    /// A mark that begins calls.
    pub(super) fn begin(&mut self, mark: &str) {
        if self.starts.len() == MAX_STARTS {
            self.text.clear();
            self.starts.clear();
        }
        self.starts.push(self.text.len());
        self.add(mark);
    }

    /// More of the thought.
    pub(super) fn add(&mut self, text: &str) {
        if self.starts.is_empty() {
            return;
        }
        self.text.push_str(text);
        if self.text.len() > MAX_KEPT {
            *self = Self::default();
        }
    }

    /// The names and arguments of the calls that the thought ends with.
    pub(super) fn calls(
        &self,
        format: ToolFormat,
        functions: &[KnownFunction],
    ) -> Vec<(String, String)> {
        let read = |start: &usize| calls_only(&self.text[*start..], format, functions);
        self.starts.iter().find_map(read).unwrap_or_default()
    }
}

/// The calls in a text that consists of nothing else.
fn calls_only(
    text: &str,
    format: ToolFormat,
    functions: &[KnownFunction],
) -> Option<Vec<(String, String)>> {
    let functions = functions.to_vec();
    let options = OutputOptions { tools: Some(format), functions, ..OutputOptions::default() };
    let mut output = Output::new(options).ok()?;
    let mut calls: Vec<(String, String)> = Vec::new();
    let mut has_text = false;
    let mut sink = |piece: Piece<'_>| match (piece, calls.last_mut()) {
        (Piece::ToolCall { name, .. }, _) => calls.push((name.to_owned(), String::new())),
        (Piece::ToolArguments { json, .. }, Some((_, arguments))) => arguments.push_str(json),
        (Piece::Text(text), _) => has_text |= !text.trim().is_empty(),
        _ => {}
    };
    output.push(text, &mut sink);
    let Summary { unclosed_call, .. } = output.finish(&mut sink);
    (!has_text && !unclosed_call).then_some(calls)
}
