//! `rkllm-client`: test an rkllm-server and talk to it.

#![forbid(unsafe_code)]

mod chat;
mod checks;
mod screen;
mod test;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rkllm_client::Error;

/// Test an rkllm-server and talk to it.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check every call of a running server; exit with 1 if one fails.
    Test(test::Args),
    /// Hold a conversation in the terminal, or answer questions piped in, one a line.
    Chat(chat::Args),
}

/// Where the server is.
#[derive(clap::Args)]
struct Server {
    /// Address of the server; the environment variable RKLLM_URL gives it as well.
    #[arg(long, default_value_t = default_url())]
    url: String,
}

/// An empty variable counts as unset, which clap's own reading of the environment would not.
fn default_url() -> String {
    let said = std::env::var("RKLLM_URL").ok().filter(|said| !said.is_empty());
    said.unwrap_or_else(|| "http://127.0.0.1:5000".to_owned())
}

/// What a shell reports for a program whose reader left.
const READER_LEFT: u8 = 141;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) if reader_left(&error) => ExitCode::from(READER_LEFT),
        Err(error) => {
            complain(&error);
            match error.downcast_ref() {
                Some(Error::Url { .. }) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Says on stderr what went wrong, if anybody reads that.
fn complain(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "rkllm-client: {error:#}");
}

/// Whether whoever read the output has enough of it, as `head` does.
fn reader_left(error: &anyhow::Error) -> bool {
    let output = error.downcast_ref::<std::io::Error>();
    output.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        match args.command {
            Command::Test(args) => test::run(args).await,
            Command::Chat(args) => chat::run(args).await,
        }
    });
    // A thread may still be waiting for a line of standard input, which an orderly end would wait for too.
    runtime.shutdown_background();
    result
}
