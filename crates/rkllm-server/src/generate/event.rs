//! What happens while a request is answered.

use std::time::Duration;

use crate::error::Error;

/// One step of an answer. Ends with exactly one `Done` or `Failed`.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// More of the answer's text; never empty.
    Text(String),
    /// The answer is complete.
    Done(Finish, Usage, Timings),
    /// The answer will not be completed.
    Failed(Error),
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The model ended it, or a stop string did.
    Stop,
    /// The token limit or the end of the context was reached.
    Length,
}

/// Tokens that a request used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Tokens of the prompt, template included.
    pub(crate) prompt: u32,
    /// Those of them that were found in the KV cache.
    pub(crate) cached: u32,
    /// Tokens of the answer.
    pub(crate) completion: u32,
}

/// Where the time of a request went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Timings {
    /// Waiting for earlier requests.
    pub(crate) queue: Duration,
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
