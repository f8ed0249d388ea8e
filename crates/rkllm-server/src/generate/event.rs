//! What happens while a request is answered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// One step of an answer. Ends with exactly one `Done` or `Failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The request has left the line and its prompt is being evaluated. Comes first, once.
    Started,
    /// More of the answer's text; never empty.
    Text(String),
    /// More of what the model thinks before it answers; never empty.
    Thought(String),
    /// The model calls a function; its arguments follow.
    ToolCall(ToolCall),
    /// More of the arguments of the latest call; all of them together are one JSON object.
    Arguments(String),
    /// The answer is complete.
    Done(Done),
    /// The answer will not be completed.
    Failed(Error),
}

/// The beginning of a function call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToolCall {
    /// Counts the calls of an answer from 0.
    pub(crate) index: u32,
    /// Unique, `call_` and 24 letters and digits.
    pub(crate) id: String,
    /// The function's name.
    pub(crate) name: String,
}

/// What is known of a complete answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) finish: Finish,
    /// The stop string that ended it, if one did.
    pub(crate) stop: Option<String>,
    pub(crate) usage: Usage,
    pub(crate) timings: Timings,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Finish {
    /// The model ended it, or a stop string did.
    Stop,
    /// The token limit or the end of the context was reached.
    Length,
    /// The model waits for the results of its function calls.
    ToolCalls,
}

/// Tokens that a request used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Tokens of the prompt, template included.
    pub(crate) prompt: u32,
    /// Those of them that were found in the KV cache.
    pub(crate) cached: u32,
    /// Tokens of the answer, thoughts and calls included.
    pub(crate) completion: u32,
    /// Those of them that thoughts consist of, without what ends a thought.
    pub(crate) thoughts: u32,
}

/// Where the time of a request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timings {
    /// Waiting for earlier requests.
    pub(crate) queue: Duration,
    /// Loading the model, if this request had to wait for that.
    pub(crate) load: Duration,
    /// Evaluating the prompt, up to the first token.
    pub(crate) prefill: Duration,
    /// From the first token to the last.
    pub(crate) decode: Duration,
}

impl Timings {
    /// Speed of the decode phase, which covers every token but the first; 0 when there was none.
    pub(crate) fn tokens_per_second(&self, completion: u32) -> f64 {
        let seconds = self.decode.as_secs_f64();
        if completion < 2 || seconds == 0.0 {
            return 0.0;
        }
        f64::from(completion - 1) / seconds
    }
}
