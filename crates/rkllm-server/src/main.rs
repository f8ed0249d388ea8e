//! The `rkllm-server` command.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use rkllm_server::{Args, Config, listen, run, shutdown, telemetry};

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry::init();
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::resolve(args)?;
    let listener = listen(&config)?;
    actix_web::rt::System::new().block_on(run(listener, config, shutdown::signalled()))?;
    Ok(())
}
