//! How long a run took, and how much memory the process used.

use std::time::{Duration, Instant};

use rkllm_sys::v1_3::RKLLMPerfStat;

/// Time and tokens of one run. Time in the callback counts nowhere.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Perf {
    /// Tokens of the prompt that were evaluated, not found in the cache.
    pub(crate) prefill_tokens: usize,
    /// Up to and including the choice of the first token.
    pub(crate) prefill: Duration,
    /// Tokens delivered after the first of each input, which comes out of the prefill.
    pub(crate) generated: usize,
    /// Evaluation and choice of every token after the first.
    pub(crate) generate: Duration,
}

impl Perf {
    /// The figures as the callback gets them.
    pub(crate) fn report(&self) -> RKLLMPerfStat {
        RKLLMPerfStat {
            prefill_time_ms: milliseconds(self.prefill),
            prefill_tokens: count(self.prefill_tokens),
            generate_time_ms: milliseconds(self.generate),
            generate_tokens: count(self.generated),
            memory_usage_mb: peak_memory_mb(),
        }
    }
}

/// Runs `work` and adds its time to `sum`.
pub(crate) fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *sum += start.elapsed();
    result
}

fn milliseconds(duration: Duration) -> f32 {
    duration.as_secs_f32() * 1000.0
}

fn count(tokens: usize) -> i32 {
    i32::try_from(tokens).unwrap_or(i32::MAX)
}

/// The most memory that the process had resident, in MiB; 0 where the system does not tell.
fn peak_memory_mb() -> f32 {
    std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(peak_kb).unwrap_or(0.0)
        / 1024.0
}

fn peak_kb(status: &str) -> Option<f32> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status() {
        assert_eq!(peak_kb("VmPeak:\t 9 kB\nVmHWM:\t   2048 kB\n"), Some(2048.0));
        assert_eq!(peak_kb("VmPeak:\t 9 kB\n"), None);
    }
}
