//! Log lines: to stderr, `info` and up unless `RUST_LOG` says otherwise. They hold counts and times,
//! never the text of a prompt or an answer.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What is logged unless `RUST_LOG` says otherwise. The HTTP server's own lines about its start say
/// nothing to users.
const DEFAULT: &str = "info,actix_server=warn";

/// `RUST_LOG` is no filter for log lines.
#[derive(Debug, thiserror::Error)]
#[error("RUST_LOG: {0}; give for example RUST_LOG=debug or leave it out")]
pub struct FilterError(#[from] ParseError);

/// Sends log lines to stderr from here on.
///
/// # Errors
/// [`FilterError`] when `RUST_LOG` is no filter.
pub fn init() -> Result<(), FilterError> {
    let said = std::env::var("RUST_LOG").ok().filter(|said| !said.is_empty());
    let filter = EnvFilter::builder().parse(said.as_deref().unwrap_or(DEFAULT))?;
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        // Errors of stderr would be reported on stderr, and panic there.
        .log_internal_errors(false)
        .init();
    Ok(())
}
