//! What the output pipeline costs per plain token: `cargo bench -p rkllm-chat`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rkllm_chat::{KnownFunction, Output, OutputOptions, Piece, ReasoningTags, ToolFormat};

const TOKENS: usize = 1_000_000;
const ROUNDS: usize = 5;

/// Tokens as they come, with and without white space and line ends.
const TEXT: [&str; 16] = [
    "The", " capital", " of", " France", " is", " Paris", ",", " a", " city", " of", " light", ".",
    "\n\n", "It", "'s", " old",
];

/// The tokens of a value in the arguments of a call.
const ARGUMENTS: [&str; 8] = ["The", " capital", " of", " France", " is", " Paris", ",", "\\n"];

/// Counts allocations, to tell how many a token costs.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let nothing = OutputOptions::default();
    let everything = |tools: ToolFormat| OutputOptions {
        stops: ["</s>", "\nUser:", "###", "Observation:"].map(str::to_owned).to_vec(),
        reasoning: ReasoningTags::detect("</think>"),
        tools: Some(tools),
        functions: vec![
            KnownFunction { name: "weather".to_owned(), strings: vec!["city".to_owned()] },
            "time".into(),
        ],
        ..OutputOptions::default()
    };
    measure("no options", nothing, ("", &TEXT));
    measure("all, hermes", everything(ToolFormat::Hermes), ("", &TEXT));
    measure("all, json", everything(ToolFormat::Json), ("", &TEXT));
    measure("all, thought", everything(ToolFormat::Hermes), ("<think>", &TEXT));
    let call = "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"";
    measure("all, arguments", everything(ToolFormat::Hermes), (call, &ARGUMENTS));
    let call = "<function=weather>\n<parameter=city>\n";
    measure("all, parameter", everything(ToolFormat::QwenXml), (call, &ARGUMENTS));
    let channels = |channel: &str| {
        let reasoning = ReasoningTags::detect("<|channel|>analysis");
        let options = OutputOptions { reasoning, ..everything(ToolFormat::Harmony) };
        measure(&format!("all, {channel}"), options, (&start_of(channel), &TEXT));
    };
    channels("analysis");
    channels("final");
}

fn start_of(channel: &str) -> String {
    format!("<|channel|>{channel}<|message|>")
}

/// Reports time and allocations per token of the fastest round: what is slower was disturbed.
fn measure(what: &str, options: OutputOptions, (start, tokens): (&str, &[&str])) {
    let rounds = (0..ROUNDS).map(|_| {
        let mut output = Output::new(options.clone()).expect("the options are good");
        let mut bytes = 0;
        let mut sink = |piece: Piece<'_>| {
            bytes += match piece {
                Piece::Text(text) | Piece::Thought(text) => text.len(),
                Piece::ToolArguments { json, .. } => json.len(),
                _ => 0,
            }
        };
        // Buffers are as large as they get when every token has come once.
        for token in [start].iter().chain(tokens) {
            output.push(token, &mut sink);
        }
        let (before, started) = (ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
        for token in tokens.iter().cycle().take(TOKENS) {
            assert!(!output.push(black_box(token), &mut sink));
        }
        let cost = (started.elapsed(), ALLOCATIONS.load(Ordering::Relaxed) - before);
        black_box(bytes);
        cost
    });
    let (time, allocations): (Duration, u64) = rounds.min().expect("at least one round");
    println!(
        "{what:16} {:8.1} ns/token, {:.6} allocations/token",
        time.as_secs_f64() * 1e9 / TOKENS as f64,
        allocations as f64 / TOKENS as f64
    );
}
