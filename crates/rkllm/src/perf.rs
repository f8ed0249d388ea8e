//! What the runtime measured of a run.

use std::time::Duration;

/// What the runtime measured of a run (generation 1.2.1 and later).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PerfStats {
    /// Time from the start of the run to its first token.
    pub prefill_time: Duration,
    /// Prompt tokens that were computed; those found in the KV cache are not counted.
    pub prefill_tokens: u32,
    /// Time for the tokens after the first.
    pub generate_time: Duration,
    /// Tokens after the first: the first belongs to prefill (observed on 1.3.0).
    pub generate_tokens: u32,
    /// Peak resident memory of the process so far, in MiB (`VmHWM`).
    pub memory_mb: f32,
}

impl PerfStats {
    /// Tokens per second of the decode phase; `None` for an answer of one token.
    #[must_use]
    pub fn tokens_per_second(&self) -> Option<f64> {
        let seconds = self.generate_time.as_secs_f64();
        (self.generate_tokens > 0 && seconds > 0.0)
            .then(|| f64::from(self.generate_tokens) / seconds)
    }
}
