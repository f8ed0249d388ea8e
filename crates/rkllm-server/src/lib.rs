//! The server behind the `rkllm-server` command: a language model over HTTP.
//!
//! [`run`] takes a listener that is already bound and a future that says when to stop, so that a
//! test runs the same code as `main` on a free port.

#![forbid(unsafe_code)]

mod app;
mod args;
mod config;
mod config_file;
mod dialect;
mod error;
mod generate;
mod http;
mod hub;
mod metrics;
mod platform;
mod registry;
pub mod shutdown;
pub mod telemetry;
mod worker;

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::web::Data;

pub use args::{Action, Args, SamplingArgs, TargetPlatform};
pub use config::{Config, ConfigError};

use app::State;
use http::Http;
use hub::Hub;
use registry::{ModelState, Registry};
use worker::{EXIT, Facts, Status};

pub use worker::child::main as worker_main;

/// Time that answers under way have to end by themselves when the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// Seconds after which connections are cut: so late that answers which are cut at the end of the grace
/// can still say so.
const CLOSING: u64 = GRACE.as_secs() + EXIT.as_secs();
/// Time from the connection of a client to the end of its first request's head. On a busy machine much
/// can come between the two.
const HEAD: Duration = Duration::from_secs(30);
/// Why the server ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; {}", hint(.source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The model cannot be loaded.
    #[error("{0}")]
    Load(String),
    /// The HTTP server ended although nobody asked it to.
    #[error("the HTTP server ended by itself: {0}; the lines above say more; start it again")]
    Http(String),
    /// The system refused something that the server needs.
    #[error("the system refused to go on: {0}")]
    System(#[from] std::io::Error),
}

/// What to do about an address that cannot be listened on.
fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "is another server running there? choose another --port",
        ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; --host 0.0.0.0 is all that it has"
        }
        ErrorKind::PermissionDenied => "ports below 1024 are for root; choose a larger --port",
        _ => "choose another --host or --port",
    }
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
/// [`RunError`] when the model cannot be loaded, the HTTP server ends by itself or the system
/// refuses something.
pub async fn run(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let address = listener.local_addr()?;
    tracing::info!("listening on http://{address}");
    let (registry, tasks) = Registry::new(config.models, config.defaults);
    let http = Data::new(Http::new(config.http, address));
    let hub = Hub::new(hub::Settings {
        short_names: config.short_names,
        ..hub::Settings::from_env(registry.folder())
    });
    let state = State { registry: registry.clone(), hub, started: Instant::now() };
    let server = serve(listener, state, Data::clone(&http), tasks)?;
    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);
    let ended = tokio::select! {
        () = stop => Ok(()),
        error = greet(&registry, address) => Err(error),
        over = &mut serving => Err(RunError::Http(match over {
            Ok(Ok(())) => "it was stopped".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        })),
    };
    // `stop(true)` refuses new connections at once and waits for the ones there are.
    let stopping = actix_web::rt::spawn(handle.stop(true));
    http.stop();
    let grace = if ended.is_ok() { GRACE } else { Duration::ZERO };
    if ended.is_ok() {
        tracing::info!("stopping: answers under way have {} s", GRACE.as_secs());
    }
    registry.close(Instant::now() + grace).await;
    let _ = stopping.await;
    if !serving.is_finished() {
        let _ = serving.await;
    }
    ended
}

/// The HTTP server, on one thread, which also serves the models' processes: an event of a model goes
/// to its client without waking another thread, and the cores are for the models.
fn serve(
    listener: TcpListener,
    state: State,
    http: Data<Http>,
    tasks: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<Server> {
    let tasks = Mutex::new(Some(Box::pin(tasks)));
    let tasks = Arc::new(tasks);
    let server = HttpServer::new(move || {
        if let Some(tasks) = tasks.lock().take() {
            tokio::spawn(tasks);
        }
        app::create_app(state.clone(), Data::clone(&http))
    })
    .workers(1)
    .disable_signals()
    // A client that left shows at once, also while nothing is being written to it.
    .h1_allow_half_closed(false)
    .client_request_timeout(HEAD)
    .shutdown_timeout(CLOSING)
    .listen(listener)?;
    Ok(server.run())
}

/// Greets once the server can answer; over only when the model that it was started with cannot be
/// loaded.
async fn greet(registry: &Registry, address: SocketAddr) -> RunError {
    match registry.settled().await {
        Some((_, Status::Failed { reason, .. })) => return RunError::Load(reason),
        Some((_, Status::Ready(facts))) => {
            // Whoever closed stdout does not want to be greeted.
            let _ = announce(Some(&facts), registry, address).await;
        }
        _ => {
            let _ = announce(None, registry, address).await;
        }
    }
    std::future::pending().await
}

/// Tells the user that the server is there and how to try it.
async fn announce(
    facts: Option<&Facts>,
    registry: &Registry,
    address: SocketAddr,
) -> std::io::Result<()> {
    let models = registry.models().await;
    let mut out = std::io::stdout().lock();
    let version = env!("CARGO_PKG_VERSION");
    let reach = if address.ip().is_unspecified() {
        format!("127.0.0.1:{}", address.port())
    } else {
        address.to_string()
    };
    writeln!(out, "rkllm-server {version}")?;
    if let Some(facts) = facts {
        writeln!(
            out,
            "runtime  {}\nmodel    {}\ncontext  {} tokens",
            facts.runtime, facts.model, facts.context
        )?;
    }
    if registry.folder().is_some() {
        let names: Vec<_> = models.iter().map(|model| model.name.as_str()).collect();
        writeln!(out, "models   {}", names.join(", "))?;
    }
    let first = models.iter().find(|model| !matches!(model.state, ModelState::Failed { .. }));
    let name = match (facts, first) {
        (None, Some(model)) => format!("\"model\": {:?}, ", model.name),
        _ => String::new(),
    };
    writeln!(
        out,
        "address  http://{address}

Try it:
  curl http://{reach}/chat -d '{{{name}\"temperature\": 0, \"repeat_penalty\": 1, \"messages\": [
    {{\"role\": \"system\", \"content\": \"You are a helpful assistant.\"}},
    {{\"role\": \"user\", \"content\": \"What is the capital of France?\"}}]}}'"
    )?;
    out.flush()
}
