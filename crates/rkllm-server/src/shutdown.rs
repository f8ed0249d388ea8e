//! The signals that end the server.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGINT or SIGTERM. From then on another one ends the process at once.
///
/// # Errors
/// When the system refuses to watch for signals.
pub async fn signalled() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // Without exit handlers: C++ would tear down what the engine's thread is using.
        signal_hook::low_level::exit(130);
    });
    Ok(())
}
