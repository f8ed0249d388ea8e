//! Where answers come from: a model, loaded, and the line in front of it.
//!
//! The engine runs on a thread of this process. Nothing outside this module knows that, and nothing
//! in it knows HTTP.

mod answer;
mod engine;
mod line;
mod prompt;
mod spec;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::error::{Code, Error};
use crate::generate::Request;

pub(crate) use answer::Answer;
pub(crate) use spec::{Facts, LoadError, ModelSpec, RuntimeChoice};

use engine::{Jobs, Loaded};
use line::Line;
use prompt::Prepared;

/// A model that loads or is loaded. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    state: watch::Receiver<State>,
    line: Line,
    jobs: Jobs,
}

/// How far the engine is.
#[derive(Clone, Debug)]
enum State {
    Loading,
    Ready(Arc<Loaded>),
    /// The model could not be loaded.
    Failed(Arc<LoadError>),
}

/// A request that was checked against the model and may run.
#[derive(Debug)]
pub(crate) struct Checked {
    prepared: Prepared,
    /// Accepted parameters that this runtime cannot honour.
    pub(crate) ignored: Vec<&'static str>,
}

impl Worker {
    /// Starts to load a model on a thread of its own. `waiting` requests may stand in line.
    pub(crate) fn start(spec: ModelSpec, waiting: usize) -> std::io::Result<Self> {
        let (report, state) = watch::channel(State::Loading);
        let jobs = engine::start(spec, report)?;
        Ok(Self { state, line: Line::new(waiting), jobs })
    }

    /// The model's facts once it is loaded, or why it could not be.
    pub(crate) async fn ready(&self) -> Result<Facts, Arc<LoadError>> {
        match self.settled().await {
            State::Ready(loaded) => Ok(loaded.facts.clone()),
            State::Failed(error) => Err(error),
            State::Loading => Err(Arc::new(LoadError::Interrupted)),
        }
    }

    /// Whether the model is in memory.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(*self.state.borrow(), State::Ready(_))
    }

    async fn settled(&self) -> State {
        let mut state = self.state.clone();
        match state.wait_for(|state| !matches!(state, State::Loading)).await {
            Ok(state) => state.clone(),
            // The engine's thread is gone without a word.
            Err(_) => State::Loading,
        }
    }

    /// Checks a request against the model: renders and tokenizes the conversation and refuses what
    /// does not fit. Waits for the model to be loaded.
    pub(crate) async fn check(&self, request: Request) -> Result<Checked, Error> {
        let State::Ready(loaded) = self.settled().await else {
            return Err(gone());
        };
        // Rendering and tokenizing take long enough for long texts to hold up other requests.
        let work = tokio::task::spawn_blocking(move || prompt::prepare(&loaded, request));
        let (prepared, ignored) = work.await.map_err(|_| gone())??;
        Ok(Checked { prepared, ignored })
    }

    /// Takes a place in line, at once or not at all. Nothing runs until the answer is read;
    /// dropping it leaves the line or ends the run.
    pub(crate) fn answer(&self, checked: Checked) -> Result<Answer, Error> {
        let place = self.line.enter().map_err(|full| {
            let waiting = match full.depth {
                0 => "and nobody may wait (--queue-depth 0)".to_owned(),
                depth => format!("and {depth} more are waiting"),
            };
            Error::new(
                Code::Busy,
                format!("the model is answering another request {waiting}; try again in a while"),
            )
        })?;
        Ok(Answer::new(self.jobs.clone(), place, checked.prepared, Instant::now()))
    }

    /// Waits until nobody is in line any more, at most `grace`.
    pub(crate) async fn drain(&self, grace: Duration) {
        // The last place in line comes after everybody who stands there now.
        let _ = tokio::time::timeout(grace, self.line.empty()).await;
    }

    /// Ends what runs and refuses what comes; answers under way end with an error.
    pub(crate) fn stop(&self) {
        self.jobs.close();
    }
}

fn gone() -> Error {
    Error::new(
        Code::InferenceFailed,
        "the engine has stopped; the server's log says why; restart the server",
    )
}
