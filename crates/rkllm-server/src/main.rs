//! The `rkllm-server` command.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use rkllm_server::{Args, Config, Engine, listen, run, shutdown, telemetry};

fn main() -> ExitCode {
    match serve(Args::read()) {
        Ok(Engine::Ended) => ExitCode::SUCCESS,
        Ok(Engine::Busy) => shutdown::leave(0),
        Err(error) => {
            // The status says it as well, should nobody read stderr.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: Args) -> Result<Engine, Box<dyn std::error::Error>> {
    telemetry::init()?;
    let config = Config::resolve(args)?;
    let listener = listen(&config)?;
    let served = actix_web::rt::System::new().block_on(async {
        let stop = shutdown::signalled()?;
        run(listener, config, stop).await
    });
    Ok(served?)
}
