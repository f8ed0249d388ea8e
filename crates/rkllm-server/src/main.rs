//! The `rkllm-server` command.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use rkllm_server::{Action, Args, Config, listen, run, shutdown, telemetry, worker_main};

fn main() -> ExitCode {
    let args = Args::read();
    let done = match args.action {
        Some(Action::Worker) => worker_main(),
        None => serve(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The status says it as well, should nobody read stderr.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    telemetry::init()?;
    let config = Config::resolve(args)?;
    let listener = listen(&config)?;
    actix_web::rt::System::new().block_on(async {
        let stop = shutdown::signalled()?;
        run(listener, config, stop).await
    })?;
    Ok(())
}
