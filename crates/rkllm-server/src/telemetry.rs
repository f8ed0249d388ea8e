//! Log lines: to stderr, `info` and up unless `RUST_LOG` says otherwise. They hold counts and times,
//! never the text of a prompt or an answer.

use tracing_subscriber::EnvFilter;

/// Sends log lines to stderr from here on.
pub fn init() {
    let filter =
        EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .init();
}
