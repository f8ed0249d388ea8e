//! `rkllm-client test`: checks every call of a running server.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rkllm_client::{Client, Error, Options};

use crate::Server;
use crate::checks::{Checks, Outcome};

/// Longest silence of a server that still works: a slow board that loads its model first.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    server: Server,
    /// Longest answer of each check, in tokens.
    #[arg(
        long,
        value_name = "TOKENS",
        default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    max_new_tokens: u32,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let options = Options { read_timeout: Some(PATIENCE), ..Options::default() };
    let client = Client::with_options(&args.server.url, &options)?;
    if let Err(error @ Error::Connect { .. }) = client.health().await {
        // Every check would say the same.
        return Err(error.into());
    }
    let checks = Checks::new(client, &args.server.url, args.max_new_tokens)?;
    let mut report = Report::default();
    report.line("health", checks.health()).await;
    report.line("generate", checks.generate()).await;
    report.line("generate, streamed", checks.generate_stream()).await;
    report.line("chat", checks.chat()).await;
    report.line("chat, streamed", checks.chat_stream()).await;
    report.line("missing prompt refused", checks.refused("generate", "{}")).await;
    report.line("missing messages refused", checks.refused("chat", "{}")).await;
    report.line("malformed JSON refused", checks.refused("generate", r#"{"prompt": "#)).await;
    let wizard = r#"{"messages": [{"role": "wizard", "content": "Hello"}]}"#;
    report.line("unknown role refused", checks.refused("chat", wizard)).await;
    report.line("unknown path refused", checks.not_found()).await;
    Ok(report.summary())
}

/// Prints a line per check and counts.
#[derive(Default)]
struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    async fn line(&mut self, name: &str, check: impl Future<Output = Outcome>) {
        let start = Instant::now();
        let outcome = check.await;
        let ms = start.elapsed().as_millis();
        match outcome {
            Ok(speed) => {
                self.passed += 1;
                let speed = speed.map(|speed| format!("   {speed}")).unwrap_or_default();
                println!("✓ {name:24} {ms:>7} ms{speed}");
            }
            Err(error) => {
                self.failed += 1;
                println!("✗ {name:24} {ms:>7} ms   {error:#}");
            }
        }
    }

    fn summary(&self) -> ExitCode {
        let total = self.passed + self.failed;
        println!("{} of {total} checks passed", self.passed);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
