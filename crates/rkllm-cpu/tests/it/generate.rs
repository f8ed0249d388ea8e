//! What a run delivers.

use rkllm_cpu::api;
use rkllm_sys::v1_3::RKLLMSamplingParam;

use crate::support::{Handle, prompt, run_async, sampling, tokens};

const FRANCE: &str = "What is the capital of France? Reply in one word.";

#[test]
fn the_capital_of_france_is_paris() {
    let handle = Handle::with(|param| param.temperature = 0.0);
    let ran = handle.run(&prompt(FRANCE).most(24));
    assert!(ran.text().contains("Paris"), "{}", ran.text());
    let perf = ran.finish();
    assert_eq!(perf.generate_tokens as usize, ran.tokens().len() - 1);
    assert!(perf.prefill_tokens > 20, "the template brings a system prompt");
    assert!(perf.prefill_time_ms > 0.0 && perf.generate_time_ms > 0.0);
    assert!(perf.memory_usage_mb > 50.0, "the model alone has 98 MB");
}

#[test]
fn the_answer_ends_by_itself_and_its_end_is_not_shown() {
    let handle = Handle::new();
    let ran = handle.run(&prompt(FRANCE).most(100));
    ran.finish();
    assert!(ran.tokens().len() < 100);
    assert!(!ran.text().contains("<|im_end|>"));
}

#[test]
fn the_end_is_shown_and_counted_on_request() {
    let shown = Handle::with(|param| param.skip_special_token = false);
    let hidden = Handle::new();
    let (shown, hidden) =
        (shown.run(&prompt(FRANCE).most(100)), hidden.run(&prompt(FRANCE).most(100)));
    assert_eq!(shown.text(), format!("{}<|im_end|>", hidden.text()));
    assert_eq!(shown.finish().generate_tokens, hidden.finish().generate_tokens + 1);
}

#[test]
fn the_end_is_ignored_on_request() {
    let handle = Handle::with(|param| param.ignore_eos_token = true);
    let ran = handle.run(&prompt(FRANCE).most(60));
    ran.finish();
    assert_eq!(ran.tokens().len(), 60);
}

#[test]
fn max_new_tokens_counts_exactly() {
    let handle = Handle::with(|param| (param.max_new_tokens, param.ignore_eos_token) = (5, true));
    for (asked, delivered) in [(1, 1), (3, 3), (0, 5), (-1, 5)] {
        let ran = handle.run(&prompt(FRANCE).most(asked));
        assert_eq!(ran.tokens().len(), delivered);
        assert_eq!(ran.finish().generate_tokens as usize, delivered - 1);
    }
}

#[test]
fn generation_stops_where_the_context_ends() {
    let handle = Handle::with(|param| {
        (param.max_context_len, param.max_new_tokens, param.ignore_eos_token) = (64, -1, true);
    });
    let input = handle.tokenize("Once upon a time there was a");
    let ran = handle.run(&tokens(&input));
    ran.finish();
    assert_eq!(input.len() + ran.tokens().len(), 64 + 1, "the last token needs no position");
    assert_eq!(handle.cached(), 64);
}

#[test]
fn a_seed_makes_chance_repeatable() {
    let handle = Handle::new();
    let ask = prompt("Tell me a story.").most(12).sampled(sampling());
    let with_seed = |seed| {
        handle.clear();
        handle.seed(seed);
        handle.run(&ask).tokens()
    };
    let (first, again, other) = (with_seed(7), with_seed(7), with_seed(8));
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_eq!(with_seed(u32::MAX), with_seed(u32::MAX));
}

#[test]
fn a_seed_is_for_one_run() {
    let handle = Handle::new();
    let ask = prompt("Write a poem.").most(24).sampled(RKLLMSamplingParam {
        top_k: 0,
        top_p: 1.0,
        temperature: 2.0,
        ..sampling()
    });
    handle.seed(7);
    let seeded = handle.run(&ask).tokens();
    let free = handle.run(&ask).tokens();
    assert_ne!(seeded, free, "24 tokens at temperature 2 agree by chance never");
}

#[test]
fn sampling_of_a_run_replaces_that_of_the_handle() {
    let handle = Handle::new();
    let greedy = handle.run(&prompt(FRANCE).most(8)).tokens();
    handle.clear();
    handle.seed(3);
    let wild = RKLLMSamplingParam { top_k: 0, top_p: 1.0, temperature: 3.0, ..sampling() };
    let sampled = handle.run(&prompt(FRANCE).most(8).sampled(wild)).tokens();
    assert_ne!(greedy, sampled);
    handle.clear();
    assert_eq!(handle.run(&prompt(FRANCE).most(8)).tokens(), greedy, "for that run only");
}

#[test]
fn both_mirostats_generate() {
    let handle = Handle::new();
    for mirostat in [1, 2] {
        let ask = prompt(FRANCE).most(6).sampled(RKLLMSamplingParam { mirostat, ..sampling() });
        let with_seed = || {
            handle.clear();
            handle.seed(5);
            handle.run(&ask).tokens()
        };
        let tokens = with_seed();
        assert!(!tokens.is_empty());
        assert_eq!(tokens, with_seed());
    }
}

#[test]
fn penalties_end_a_repetition() {
    let handle = Handle::new();
    let smile = handle.tokenize("😀");
    let run = |presence_penalty| {
        let greedy = RKLLMSamplingParam { top_k: 1, presence_penalty, ..sampling() };
        handle.run(&tokens(&smile.repeat(12)).most(3).sampled(greedy)).tokens()
    };
    assert_eq!(run(0.0), smile);
    assert!(run(100.0).iter().all(|token| !smile.contains(token)));
}

#[test]
fn tokens_are_used_as_they_are() {
    let handle = Handle::new();
    let input = handle.tokenize(
        "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n",
    );
    let ran = handle.run(&tokens(&input).most(16));
    assert_eq!(ran.finish().prefill_tokens as usize, input.len());
    assert!(ran.text().contains("Paris"), "{}", ran.text());
}

#[test]
fn an_asynchronous_run_needs_nothing_of_its_caller() {
    let handle = Handle::new();
    let expected = handle.run(&prompt(FRANCE).most(8));
    handle.clear();
    let raw = handle.raw();
    let ran = run_async(&handle, &prompt(FRANCE).most(8), || {
        while crate::support::is_running(raw) == 1 {
            std::thread::yield_now();
        }
    });
    ran.finish();
    assert_eq!(ran.text(), expected.text());
}

#[test]
fn destroy_waits_for_an_asynchronous_run() {
    let handle = Handle::with(|param| param.ignore_eos_token = true);
    let raw = handle.raw();
    let ran = run_async(&handle, &prompt(FRANCE).most(400), || {
        assert_eq!(crate::support::destroy(raw), 0);
    });
    ran.finish();
    assert!(ran.tokens().len() < 400);
}

#[test]
fn the_defaults_are_the_documented_ones() {
    // SAFETY: the function has no preconditions.
    let param = unsafe { (api().create_default_param)() };
    assert_eq!((param.top_k, param.top_p, param.temperature), (40, 0.9, 0.8));
    assert_eq!((param.repeat_penalty, param.frequency_penalty), (1.1, 0.0));
    assert_eq!((param.presence_penalty, param.mirostat), (0.0, 0));
    assert_eq!((param.mirostat_tau, param.mirostat_eta), (5.0, 0.1));
    assert_eq!((param.extend_param.base_domain_id, param.extend_param.n_batch), (0, 1));
}
