//! One question, one answer: `cargo run --example hello -- model.gguf "What is the capital of France?"`
//!
//! A `.gguf` model runs on the CPU, a `.rkllm` model with the board's runtime library.

use std::io::Write;

use rkllm::{Options, Runtime, Sampling};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let model = args.next().ok_or("usage: hello MODEL [QUESTION]")?;
    let question = args.next().unwrap_or_else(|| "What is the capital of France?".to_owned());

    let runtime = if model.ends_with(".gguf") { Runtime::cpu() } else { Runtime::find()? };
    let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
    let mut session = runtime.load(&model, &Options { sampling, ..Options::default() })?;

    let mut answer = session.generate(question)?;
    for token in answer.by_ref() {
        print!("{}", token?.text);
        std::io::stdout().flush()?;
    }
    println!();
    if let Some(perf) = answer.perf() {
        let speed = perf.tokens_per_second().unwrap_or(0.0);
        eprintln!("{} prompt tokens, {speed:.1} tokens/s", perf.prefill_tokens);
    }
    Ok(())
}
