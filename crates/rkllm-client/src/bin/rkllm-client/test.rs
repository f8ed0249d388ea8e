//! `rkllm-client test`: checks every call of a running server.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rkllm_client::{Client, Error, Options};

use crate::checks::{Checks, Outcome};
use crate::screen::Screen;
use crate::server::Server;

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
        value_parser = clap::value_parser!(u32).range(1..),
        allow_negative_numbers = true
    )]
    max_new_tokens: u32,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let options = Options { read_timeout: Some(PATIENCE), ..args.server.options() };
    let client = Client::with_options(&args.server.url, &options)?;
    if let Err(error @ Error::Connect { .. }) = client.health().await {
        // Every check would say the same.
        return Err(error.into());
    }
    let checks = Checks::new(client, &args.server, args.max_new_tokens)?;
    let mut report = Report::new();
    report.line("health", checks.health()).await?;
    report.line("generate", checks.generate()).await?;
    report.line("generate, streamed", checks.generate_stream()).await?;
    report.line("chat", checks.chat()).await?;
    report.line("chat, streamed", checks.chat_stream()).await?;
    report.line("missing prompt refused", checks.refused("generate", "{}")).await?;
    report.line("missing messages refused", checks.refused("chat", "{}")).await?;
    report.line("malformed JSON refused", checks.refused("generate", r#"{"prompt": "#)).await?;
    let wizard = r#"{"messages": [{"role": "wizard", "content": "Hello"}]}"#;
    report.line("unknown role refused", checks.refused("chat", wizard)).await?;
    report.line("unknown path refused", checks.not_found()).await?;
    report.summary()
}

/// Prints a line per check and counts.
struct Report {
    screen: Screen,
    passed: usize,
    failed: usize,
}

impl Report {
    fn new() -> Self {
        Self { screen: Screen::new(), passed: 0, failed: 0 }
    }

    async fn line(
        &mut self,
        name: &str,
        check: impl Future<Output = Outcome>,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        let outcome = check.await;
        let ms = start.elapsed().as_millis();
        let line = match outcome {
            Ok(speed) => {
                self.passed += 1;
                let speed = speed.map(|speed| format!("   {speed}")).unwrap_or_default();
                format!("✓ {name:24} {ms:>7} ms{speed}")
            }
            Err(error) => {
                self.failed += 1;
                format!("✗ {name:24} {ms:>7} ms   {error:#}")
            }
        };
        Ok(self.screen.line(&line)?)
    }

    fn summary(&self) -> anyhow::Result<ExitCode> {
        let total = self.passed + self.failed;
        self.screen.line(&format!("{} of {total} checks passed", self.passed))?;
        Ok(if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
