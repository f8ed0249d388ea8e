//! What whole and streamed answers have in common.

use serde::Serialize;

use crate::generate::{Done, Finish, Usage as Used};

/// Who answers, and under which id.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// `msg_` and letters and digits.
    pub(super) id: String,
    /// The model's name.
    pub(super) model: String,
}

/// What the client gets to see of thoughts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thoughts {
    All,
    /// Only that there were some.
    Place,
    None,
}

/// What clients are to send back with a thought. Nobody verifies it.
pub(super) const SIGNATURE: &str = "local";

/// Tokens in Anthropic's words: what was found in the cache is not part of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Usage {
    pub(super) input_tokens: u32,
    pub(super) cache_creation_input_tokens: u32,
    pub(super) cache_read_input_tokens: u32,
    pub(super) output_tokens: u32,
}

impl From<Used> for Usage {
    fn from(used: Used) -> Self {
        Self {
            input_tokens: used.prompt.saturating_sub(used.cached),
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: used.cached,
            output_tokens: used.completion,
        }
    }
}

/// Why the answer ended. `used_tool` is whether the client got one to use.
pub(super) fn stop_reason(done: &Done, used_tool: bool) -> &'static str {
    match (done.finish, &done.stop) {
        (Finish::Length, _) => "max_tokens",
        _ if used_tool => "tool_use",
        (_, Some(_)) => "stop_sequence",
        (_, None) => "end_turn",
    }
}

/// The id of a use of a tool, which begins as Anthropic's do.
pub(super) fn tool_use_id(call: &str) -> String {
    format!("toolu_{}", call.strip_prefix("call_").unwrap_or(call))
}
