//! What is known once an answer has ended: why it ended, how many tokens it took and how long.

use serde::{Deserialize, Serialize};

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The model ended its turn or a stop string appeared.
    Stop,
    /// The limit of new tokens, or the end of the context, was reached.
    Length,
    /// The model waits for the results of its function calls.
    ToolCalls,
}

impl FinishReason {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
        }
    }
}

/// The tokens of one request, counted by the model's tokenizer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Tokens of the whole rendered prompt, cached ones included.
    pub prompt_tokens: u32,
    /// Tokens that the model produced.
    pub completion_tokens: u32,
    /// Sum of prompt and completion.
    pub total_tokens: u32,
    /// Those of the prompt that were still in the KV cache and were not evaluated again.
    pub cached_tokens: u32,
}

/// Where the time of one request went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timings {
    /// Milliseconds from the request's arrival to the start of its run: loading the model, waiting for a turn, tokenizing.
    pub queue_ms: f64,
    /// Milliseconds from the start of the run to the first token.
    pub prefill_ms: f64,
    /// Milliseconds from the first token to the last.
    pub decode_ms: f64,
    /// Prompt tokens evaluated during `prefill_ms`; cached ones are not among them.
    pub prefill_tokens: u32,
    /// Tokens produced during `decode_ms`.
    pub decode_tokens: u32,
    /// `decode_tokens` per second of `decode_ms`; 0 when nothing was decoded.
    pub tokens_per_second: f64,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [FinishReason; 3] =
        [FinishReason::Stop, FinishReason::Length, FinishReason::ToolCalls];
    pub(crate) const USAGE: Usage =
        Usage { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17, cached_tokens: 8 };
    pub(crate) const TIMINGS: Timings = Timings {
        queue_ms: 0.25,
        prefill_ms: 40.0,
        decode_ms: 25.0,
        prefill_tokens: 4,
        decode_tokens: 5,
        tokens_per_second: 200.0,
    };

    prop_compose! {
        pub(crate) fn usage()(numbers: [u32; 4]) -> Usage {
            let [prompt_tokens, completion_tokens, total_tokens, cached_tokens] = numbers;
            Usage { prompt_tokens, completion_tokens, total_tokens, cached_tokens }
        }
    }

    prop_compose! {
        pub(crate) fn timings()(ms: [u16; 4], tokens: [u32; 2]) -> Timings {
            // Sixteenths have few decimals, which the JSON parser reads back exactly.
            let [queue_ms, prefill_ms, decode_ms, tokens_per_second] =
                ms.map(|n| f64::from(n) / 16.0);
            let [prefill_tokens, decode_tokens] = tokens;
            Timings {
                queue_ms, prefill_ms, decode_ms, prefill_tokens, decode_tokens, tokens_per_second,
            }
        }
    }

    pub(crate) fn finish_reason() -> impl Strategy<Value = FinishReason> {
        prop::sample::select(ALL.as_slice())
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for reason in ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
