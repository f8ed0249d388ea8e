//! `rkllm-client`: test an rkllm-server, talk to it and manage its models.

#![forbid(unsafe_code)]

mod chat;
mod checks;
mod models;
mod screen;
mod server;
mod status;
mod table;
mod test;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rkllm_client::Error;

/// Test an rkllm-server, talk to it and manage its models.
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
    /// List the models and what each of them is doing.
    Models(server::Server),
    /// Bring a model into memory.
    Load(models::LoadArgs),
    /// Take a model out of memory once its requests are answered.
    Unload(models::UnloadArgs),
    /// Show what the server is, is doing and has done; exit with 1 if it takes no requests.
    Status(server::Server),
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
                Some(Error::Url { .. } | Error::Key) => ExitCode::from(2),
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
            Command::Models(server) => models::list(&server).await,
            Command::Load(args) => models::load(args).await,
            Command::Unload(args) => models::unload(args).await,
            Command::Status(server) => status::run(&server).await,
        }
    });
    // A thread may still be waiting for a line of standard input, which an orderly end would wait for too.
    runtime.shutdown_background();
    result
}
