//! Numbers about the server for Prometheus. Labels are of few values: routes are patterns, models
//! are those of this server.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

use rkllm_api::Totals;

use crate::error::Error;
use crate::generate::{Done, Finish};
use crate::registry::{ModelInfo, ModelState};

/// Bounds of times in seconds: from what costs nothing to what makes people leave.
const SECONDS: [f64; 13] =
    [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 180.0, 600.0];
/// Bounds of speeds in tokens per second.
const SPEEDS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 40.0, 80.0, 160.0];

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    answers: IntCounterVec,
    failures: IntCounterVec,
    tokens: IntCounterVec,
    phases: HistogramVec,
    first_token: HistogramVec,
    speed: HistogramVec,
    queue: IntGaugeVec,
    states: IntGaugeVec,
    restarts: IntCounterVec,
}

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        let counter = |name, help, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels);
            let made = made.expect("the name and the labels are well-formed");
            registry.register(Box::new(made.clone())).expect("each name is used once");
            made
        };
        let gauge = |name, help, labels: &[&str]| {
            let made = IntGaugeVec::new(Opts::new(name, help), labels);
            let made = made.expect("the name and the labels are well-formed");
            registry.register(Box::new(made.clone())).expect("each name is used once");
            made
        };
        let histogram = |name, help, labels: &[&str], bounds: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
            let made = HistogramVec::new(options, labels);
            let made = made.expect("the name, the labels and the bounds are well-formed");
            registry.register(Box::new(made.clone())).expect("each name is used once");
            made
        };
        let model = ["model"];
        Self {
            requests: counter(
                "rkllm_http_requests_total",
                "Requests by what became of them.",
                &["dialect", "route", "method", "status"],
            ),
            request_seconds: histogram(
                "rkllm_http_request_seconds",
                "Time from a request to the end of its answer.",
                &["dialect", "route"],
                &SECONDS,
            ),
            answers: counter(
                "rkllm_answers_total",
                "Complete answers by why they ended.",
                &["model", "finish"],
            ),
            failures: counter(
                "rkllm_failures_total",
                "Answers that were not completed, by error code.",
                &["model", "code"],
            ),
            tokens: counter(
                "rkllm_tokens_total",
                "Tokens: of prompts, those of them found in the KV cache, of answers.",
                &["model", "kind"],
            ),
            phases: histogram(
                "rkllm_phase_seconds",
                "Where the time of answers went: queue, load, prefill, decode.",
                &["model", "phase"],
                &SECONDS,
            ),
            first_token: histogram(
                "rkllm_first_token_seconds",
                "Time from a request to the first token of its answer.",
                &model,
                &SECONDS,
            ),
            speed: histogram(
                "rkllm_tokens_per_second",
                "Speed of answers after their first token.",
                &model,
                &SPEEDS,
            ),
            queue: gauge("rkllm_queue_length", "Requests that wait for the model.", &model),
            states: gauge(
                "rkllm_model_state",
                "1 for each model and the state that it is in.",
                &["model", "state"],
            ),
            restarts: counter(
                "rkllm_restarts_total",
                "Times that the model's process was started again.",
                &model,
            ),
            registry,
        }
    }
}

/// An HTTP request that is over.
pub(crate) struct Request<'a> {
    pub(crate) dialect: &'static str,
    /// The pattern of its path.
    pub(crate) route: &'a str,
    pub(crate) method: &'static str,
    pub(crate) status: u16,
    /// Up to the end of its answer.
    pub(crate) took: Duration,
}

/// Counts a request that is over.
pub(crate) fn request(request: &Request<'_>) {
    let &Request { dialect, route, method, status, took } = request;
    let status = status.to_string();
    METRICS.requests.with_label_values(&[dialect, route, method, &status]).inc();
    let seconds = METRICS.request_seconds.with_label_values(&[dialect, route]);
    seconds.observe(took.as_secs_f64());
}

/// Counts a complete answer.
pub(crate) fn answered(model: &str, done: &Done) {
    let metrics = &*METRICS;
    let finish = match done.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
    };
    metrics.answers.with_label_values(&[model, finish]).inc();
    let usage = done.usage;
    for (kind, count) in
        [("prompt", usage.prompt), ("cached", usage.cached), ("completion", usage.completion)]
    {
        metrics.tokens.with_label_values(&[model, kind]).inc_by(count.into());
    }
    let times = done.timings;
    for (phase, time) in [
        ("queue", times.queue),
        ("load", times.load),
        ("prefill", times.prefill),
        ("decode", times.decode),
    ] {
        metrics.phases.with_label_values(&[model, phase]).observe(time.as_secs_f64());
    }
    let first = times.queue + times.load + times.prefill;
    metrics.first_token.with_label_values(&[model]).observe(first.as_secs_f64());
    let speed = times.tokens_per_second(usage.completion);
    if speed > 0.0 {
        metrics.speed.with_label_values(&[model]).observe(speed);
    }
}

/// Counts an answer that will not be completed.
pub(crate) fn failed(model: &str, error: &Error) {
    METRICS.failures.with_label_values(&[model, error.code.name()]).inc();
}

/// Says how many requests wait for a model.
pub(crate) fn queue_length(model: &str, waiting: usize) {
    let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
    METRICS.queue.with_label_values(&[model]).set(waiting);
}

/// Counts a start of a model's process that was not its first.
pub(crate) fn restarted(model: &str) {
    METRICS.restarts.with_label_values(&[model]).inc();
}

/// Says where the models are between disk and memory; there are no others.
pub(crate) fn models(models: &[ModelInfo]) {
    let states = &METRICS.states;
    states.reset();
    for model in models {
        let current = match model.state {
            ModelState::Unloaded => "unloaded",
            ModelState::Loading { .. } => "loading",
            ModelState::Ready { .. } => "ready",
            ModelState::Failed { .. } => "failed",
        };
        states.with_label_values(&[&*model.name, current]).set(1);
    }
}

/// What was done since the start, by all models.
pub(crate) fn totals() -> Totals {
    let metrics = &*METRICS;
    let tokens = |kind| sum(&metrics.tokens, Some(("kind", kind)));
    Totals {
        answers: sum(&metrics.answers, None),
        failures: sum(&metrics.failures, None),
        prompt_tokens: tokens("prompt"),
        cached_tokens: tokens("cached"),
        completion_tokens: tokens("completion"),
    }
}

/// A counter's numbers together; with a label, those that have it.
fn sum(counters: &IntCounterVec, label: Option<(&str, &str)>) -> u64 {
    let families = counters.collect();
    let counters = families.iter().flat_map(|family| family.get_metric());
    let wanted = counters.filter(|counter| {
        label.is_none_or(|(name, value)| {
            let mut labels = counter.get_label().iter();
            labels.any(|label| (label.name(), label.value()) == (name, value))
        })
    });
    // Prometheus knows numbers with a fraction only.
    wanted.map(|counter| counter.get_counter().get_value() as u64).sum()
}

/// All numbers in Prometheus' text format.
pub(crate) fn text() -> String {
    let families = METRICS.registry.gather();
    TextEncoder::new().encode_to_string(&families).expect("gathered families are well-formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::generate::{Timings, Usage};

    /// The lines about one model; tests share the numbers.
    fn lines(model: &str) -> String {
        let label = format!("model=\"{model}\"");
        let told = text();
        let about = told.lines().filter(|line| line.contains(&label) && !line.contains("_bucket"));
        about.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_answer_is_counted_by_its_parts() {
        let second = Duration::from_secs(1);
        let done = Done {
            finish: Finish::Length,
            stop: None,
            usage: Usage { prompt: 30, cached: 20, completion: 11, thoughts: 0 },
            timings: Timings { queue: second, load: second, prefill: second, decode: second },
        };
        answered("counted", &done);
        answered("counted", &done);
        insta::assert_snapshot!(lines("counted"));
    }

    #[test]
    fn trouble_and_the_line_are_told() {
        failed("troubled", &Error::new(Code::RuntimeCrashed, "gone"));
        restarted("troubled");
        queue_length("troubled", 3);
        queue_length("troubled", 2);
        insta::assert_snapshot!(lines("troubled"), @r#"
        rkllm_failures_total{code="runtime_crashed",model="troubled"} 1
        rkllm_queue_length{model="troubled"} 2
        rkllm_restarts_total{model="troubled"} 1
        "#);
    }

    #[test]
    fn counters_are_summed_by_label() {
        let counters = IntCounterVec::new(Opts::new("c", "c"), &["model", "kind"]).unwrap();
        for (model, kind, count) in [("a", "x", 1), ("b", "x", 2), ("b", "y", 4)] {
            counters.with_label_values(&[model, kind]).inc_by(count);
        }
        assert_eq!(sum(&counters, None), 7);
        assert_eq!(sum(&counters, Some(("kind", "x"))), 3);
        assert_eq!(sum(&counters, Some(("kind", "z"))), 0);
    }

    #[test]
    fn a_request_is_counted_by_route_and_status() {
        let took = Duration::from_millis(10);
        let seen = Request { dialect: "test", route: "/x/{id}", method: "GET", status: 404, took };
        request(&seen);
        let told = text();
        let line = r#"rkllm_http_requests_total{dialect="test",method="GET",route="/x/{id}",status="404"} 1"#;
        assert!(told.contains(line), "{told}");
        assert!(told.contains(
            r#"rkllm_http_request_seconds_bucket{dialect="test",route="/x/{id}",le="0.02"} 1"#
        ));
    }
}
