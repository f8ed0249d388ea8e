//! The server behind the `rkllm-server` command: a language model over HTTP.
//!
//! [`run`] takes a listener that is already bound and a future that says when to stop, so that a
//! test runs the same code as `main` on a free port.

#![forbid(unsafe_code)]

mod app;
mod args;
mod config;
mod dialect;
mod error;
mod generate;
mod platform;
pub mod shutdown;
pub mod telemetry;
mod worker;

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::HttpServer;

pub use args::{Args, SamplingArgs, TargetPlatform};
pub use config::{Config, ConfigError};

use app::State;
use worker::{Facts, Worker};

/// Time that answers under way have to end by themselves when the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// Time that a run has to notice that it was aborted.
const ABORT: Duration = Duration::from_secs(1);
/// Seconds after which connections are cut: the grace and a little, so that answers which are cut at
/// its end can still say so.
const CLOSING: u64 = GRACE.as_secs() + 1;
/// Threads for HTTP. Requests cost little; the cores are for the model.
const HTTP_THREADS: usize = 2;

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; is another server running there? choose another --port"
    )]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The model cannot be loaded.
    #[error("{0}")]
    Load(String),
    /// The system refused something that the server needs.
    #[error("the system refused to go on: {0}")]
    System(#[from] std::io::Error),
}

/// Takes the port.
///
/// # Errors
/// [`RunError::Listen`] when it is taken or not allowed.
pub fn listen(config: &Config) -> Result<TcpListener, RunError> {
    let address = config.address;
    TcpListener::bind(address).map_err(|source| RunError::Listen { address, source })
}

/// Serves until `stop` is over. The model loads while the server already answers; requests wait for
/// it.
///
/// # Errors
/// [`RunError`] when the model cannot be loaded or the system refuses something.
pub async fn run(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = std::io::Result<()>>,
) -> Result<(), RunError> {
    let address = listener.local_addr()?;
    let worker = Worker::start(config.model, config.queue_depth)?;
    let state = State { worker: worker.clone() };
    let server = HttpServer::new(move || app::create_app(state.clone()))
        .workers(HTTP_THREADS)
        .disable_signals()
        // A client that left shows at once, also while nothing is being written to it.
        .h1_allow_half_closed(false)
        .shutdown_timeout(CLOSING)
        .listen(listener)?
        .run();
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    let live = async {
        let facts = worker.ready().await.map_err(|error| RunError::Load(error.to_string()))?;
        announce(&facts, address)?;
        Ok(stop.await?)
    };
    let ended: Result<(), RunError> = live.await;
    // `stop(true)` refuses new connections at once and waits for the ones there are.
    let stopping = actix_web::rt::spawn(handle.stop(true));
    if ended.is_ok() {
        tracing::info!("stopping: answers under way have {} s", GRACE.as_secs());
        worker.drain(GRACE).await;
    }
    worker.stop();
    // Exit handlers of C++ must not run while the engine does.
    worker.drain(ABORT).await;
    let _ = stopping.await;
    let _ = serving.await;
    ended
}

/// Tells the user that the server is there and how to try it.
fn announce(facts: &Facts, address: std::net::SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let version = env!("CARGO_PKG_VERSION");
    let reach = if address.ip().is_unspecified() {
        format!("127.0.0.1:{}", address.port())
    } else {
        address.to_string()
    };
    writeln!(
        out,
        "rkllm-server {version}
runtime  {}
model    {}
context  {} tokens
address  http://{address}

Try it:
  curl http://{reach}/generate -d '{{\"prompt\": \"What is the capital of France?\"}}'",
        facts.runtime, facts.model, facts.context
    )?;
    out.flush()
}
