//! Pieces that answers of several endpoints are made of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::generate::{Done, Finish};

/// What is the same in all pieces of one answer.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) object: &'static str,
    /// Seconds since 1970.
    pub(super) created: u64,
    /// The model as the client calls it.
    pub(super) model: String,
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Why an answer ended.
pub(super) fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
    }
}

/// Tokens and time of all answers to one body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    prompt: u64,
    cached: u64,
    completion: u64,
    thoughts: u64,
    /// Tokens of prompts that were computed, by all answers.
    evaluated: u64,
    prefill: Duration,
    decode: Duration,
    /// Tokens that were decoded one by one, without those that came out of prefill.
    decoded: u64,
}

impl Spent {
    /// Adds an answer. A prompt that is answered several times counts once, with its first answer.
    pub(super) fn add(&mut self, done: &Done, first: bool) {
        if first {
            self.prompt += u64::from(done.usage.prompt);
            self.cached += u64::from(done.usage.cached);
        }
        self.evaluated += u64::from(done.usage.prompt.saturating_sub(done.usage.cached));
        self.completion += u64::from(done.usage.completion);
        self.thoughts += u64::from(done.usage.thoughts);
        self.decoded += u64::from(done.usage.completion.saturating_sub(1));
        self.prefill += done.timings.prefill;
        self.decode += done.timings.decode;
    }

    pub(super) fn of(done: &Done) -> Self {
        let mut spent = Self::default();
        spent.add(done, true);
        spent
    }
}

/// `usage`.
#[derive(Debug, Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

impl From<&Spent> for Usage {
    fn from(spent: &Spent) -> Self {
        Self {
            prompt_tokens: spent.prompt,
            completion_tokens: spent.completion,
            total_tokens: spent.prompt + spent.completion,
            prompt_tokens_details: PromptDetails { cached_tokens: spent.cached },
            completion_tokens_details: CompletionDetails { reasoning_tokens: spent.thoughts },
        }
    }
}

/// `usage` where nothing is generated.
#[derive(Debug, Serialize)]
pub(super) struct PromptUsage {
    prompt_tokens: u32,
    total_tokens: u32,
}

impl From<u32> for PromptUsage {
    fn from(tokens: u32) -> Self {
        Self { prompt_tokens: tokens, total_tokens: tokens }
    }
}

/// `timings`, an extension: times in milliseconds, speeds in tokens per second.
#[derive(Debug, Serialize)]
pub(super) struct Timings {
    cache_n: u64,
    prompt_n: u64,
    prompt_ms: f64,
    prompt_per_second: f64,
    predicted_n: u64,
    predicted_ms: f64,
    predicted_per_second: f64,
}

impl From<&Spent> for Timings {
    fn from(spent: &Spent) -> Self {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        Self {
            cache_n: spent.cached,
            prompt_n: spent.evaluated,
            prompt_ms: milliseconds(spent.prefill),
            prompt_per_second: speed(spent.evaluated, spent.prefill),
            predicted_n: spent.completion,
            predicted_ms: milliseconds(spent.decode),
            predicted_per_second: speed(spent.decoded, spent.decode),
        }
    }
}

/// Tokens per second; 0 where no time has passed, because JSON has no infinity.
fn speed(tokens: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { tokens as f64 / time.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;

    fn done(prompt: u32, completion: u32) -> Done {
        Done {
            finish: Finish::Stop,
            stop: None,
            usage: generate::Usage { prompt, cached: 2, completion, thoughts: 1 },
            timings: generate::Timings {
                prefill: Duration::from_millis(500),
                decode: Duration::from_millis(250),
                ..generate::Timings::default()
            },
        }
    }

    #[test]
    fn a_prompt_counts_once_and_answers_add_up() {
        let mut spent = Spent::of(&done(12, 6));
        spent.add(&done(12, 2), false);
        insta::assert_snapshot!(
            serde_json::to_string(&Usage::from(&spent)).unwrap(),
            @r#"{"prompt_tokens":12,"completion_tokens":8,"total_tokens":20,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":2}}"#
        );
        insta::assert_snapshot!(
            serde_json::to_string(&Timings::from(&spent)).unwrap(),
            @r#"{"cache_n":2,"prompt_n":20,"prompt_ms":1000.0,"prompt_per_second":20.0,"predicted_n":8,"predicted_ms":500.0,"predicted_per_second":12.0}"#
        );
    }

    #[test]
    fn no_time_is_no_speed() {
        let nothing = Timings::from(&Spent::default());
        assert_eq!((nothing.prompt_per_second, nothing.predicted_per_second), (0.0, 0.0));
    }
}
