//! The signals that end the server, and ways to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Watches for SIGINT and SIGTERM from the call on. The future is over with the first one; another
/// one ends the process at once.
///
/// # Errors
/// When the system refuses to watch for signals.
pub fn signalled() -> std::io::Result<impl Future<Output = ()>> {
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
    };
    Ok(async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            leave(130);
        });
    })
}

/// Ends the process without exit handlers: those of C++ would tear down what the engine's thread is
/// using.
pub fn leave(status: i32) -> ! {
    signal_hook::low_level::exit(status)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
