//! What becomes of an output.

use serde::{Deserialize, Serialize};

/// The next part of an answer, without any markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'p> {
    /// More of the answer's text.
    Text(&'p str),
    /// More of the model's thoughts.
    Thought(&'p str),
    /// A call begins.
    ToolCall {
        /// Its place among the calls of this answer, counted from zero.
        index: usize,
        /// The function that is called.
        name: &'p str,
    },
    /// More of a call's arguments.
    ToolArguments {
        /// Which call.
        index: usize,
        /// A fragment; all fragments of a call together are the text of one JSON object.
        json: &'p str,
    },
    /// A call is complete.
    ToolEnd {
        /// Which call.
        index: usize,
    },
}

/// What is known of an output at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The place in the list of the stop string that ended the text.
    pub stop: Option<usize>,
    /// How many calls were delivered.
    pub tool_calls: usize,
    /// How many calls, or rests of calls, were delivered as text, because they could not be read
    /// or were for unknown functions.
    pub malformed: usize,
    /// Whether the output ended within a thought.
    pub unclosed_thought: bool,
    /// Whether the output ended within a call that was delivered: its arguments were closed, but
    /// what the model had yet to say is missing.
    pub unclosed_call: bool,
}
