//! Lines about runs that the vendor's runtime documents.

use std::time::Duration;

use rkllm_sys::v1_3::RKLLMPerfStat;

use crate::log;

/// Tells that a full context was shifted: how many positions it had and how many more were
/// wanted, which of them went, and how many it may have.
pub(crate) fn shift((had, wanted): (usize, usize), (start, end): (usize, usize), total: usize) {
    log::info(format_args!(
        "context to be full[{had} + {wanted}], delete the kv cache in [{start}, {end}), total: \
         {total}"
    ));
}

/// Prints the table of times after a run, at log level 1 or more.
pub(crate) fn after_run(init: Duration, perf: &RKLLMPerfStat) {
    if !log::tells_performance() {
        return;
    }
    for line in table(init, perf) {
        log::info(line);
    }
}

fn table(init: Duration, perf: &RKLLMPerfStat) -> Vec<String> {
    let rule = "-".repeat(86);
    let row = |stage, time: f32, tokens: i32| {
        let (time, count) = (f64::from(time), f64::from(tokens));
        let (per_token, per_second) = match tokens {
            0 => (0.0, 0.0),
            _ => (time / count, 1000.0 * count / time),
        };
        format!(" {stage:<12}  {time:<15.2}  {tokens:<8}  {per_token:<23.2}  {per_second:<23.2}")
    };
    vec![
        rule.clone(),
        format!(" Model init time (ms)  {:<8.2}", init.as_secs_f64() * 1000.0),
        rule.clone(),
        format!(
            " {:<12}  {:<15}  {:<8}  {:<23}  {:<23}",
            "Stage", "Total Time (ms)", "Tokens", "Time per Token (ms)", "Tokens per Second"
        ),
        rule.clone(),
        row("Prefill", perf.prefill_time_ms, perf.prefill_tokens),
        row("Generate", perf.generate_time_ms, perf.generate_tokens),
        rule.clone(),
        format!(" {:<12}", "Peak Memory Usage (MB)"),
        format!(" {:<12.2}", perf.memory_usage_mb),
        rule,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_documented_one() {
        let perf = RKLLMPerfStat {
            prefill_time_ms: 2201.45,
            prefill_tokens: 321,
            generate_time_ms: 12_419.47,
            generate_tokens: 102,
            memory_usage_mb: 6190.5,
        };
        let lines = table(Duration::from_micros(3_361_480), &perf);
        let trimmed: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        let rule = "-".repeat(86);
        let expected = [
            &rule,
            " Model init time (ms)  3361.48",
            &rule,
            " Stage         Total Time (ms)  Tokens    Time per Token (ms)      Tokens per Second",
            &rule,
            " Prefill       2201.45          321       6.86                     145.81",
            " Generate      12419.47         102       121.76                   8.21",
            &rule,
            " Peak Memory Usage (MB)",
            " 6190.50",
            &rule,
        ];
        assert_eq!(trimmed, expected);
    }

    #[test]
    fn a_run_of_one_token_has_no_speed() {
        let perf = RKLLMPerfStat {
            prefill_time_ms: 1.0,
            prefill_tokens: 1,
            generate_time_ms: 0.0,
            generate_tokens: 0,
            memory_usage_mb: 1.0,
        };
        let lines = table(Duration::ZERO, &perf);
        let expected = " Generate      0.00             0         0.00                     0.00";
        assert_eq!(lines[6].trim_end(), expected);
    }
}
