//! `rkllm-client`: test an rkllm-server and talk to it.

#![forbid(unsafe_code)]

mod chat;
mod checks;
mod screen;
mod test;

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
    /// Address of the server.
    #[arg(long, env = "RKLLM_URL", default_value = "http://127.0.0.1:5000")]
    url: String,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("rkllm-client: {error:#}");
            match error.downcast_ref() {
                Some(Error::Url { .. }) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
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
