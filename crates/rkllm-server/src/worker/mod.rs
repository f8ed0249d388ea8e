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

use tokio::sync::{Semaphore, watch};

use crate::error::{Code, Error};
use crate::generate::Request;

pub(crate) use answer::Answer;
pub(crate) use spec::{Facts, LoadError, ModelSpec, RuntimeChoice};

use engine::{Jobs, Loaded};
use line::{Full, Line};
use prompt::Prepared;

/// The name under which [`Worker::answer`] says that the last message's role has no effect.
pub(crate) const ROLE: &str = "role";

/// A model that loads or is loaded. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    state: watch::Receiver<State>,
    line: Line,
    /// The right to prepare a request.
    preparing: Arc<Semaphore>,
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

impl Worker {
    /// Starts to load a model on a thread of its own. `waiting` requests may stand in line.
    pub(crate) fn start(spec: ModelSpec, waiting: usize) -> std::io::Result<Self> {
        let (report, state) = watch::channel(State::Loading);
        let jobs = engine::start(spec, report)?;
        Ok(Self { state, line: Line::new(waiting), preparing: Arc::new(Semaphore::new(1)), jobs })
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

    /// Takes a place in line, at once or not at all, then checks the request against the model:
    /// renders and tokenizes the conversation and refuses what does not fit. Waits for the model to
    /// be loaded. Nothing runs until the answer is read; dropping it leaves the line or ends the run.
    ///
    /// Returns beside the answer which parameters this runtime cannot honour.
    pub(crate) async fn answer(
        &self,
        request: Request,
    ) -> Result<(Answer, Vec<&'static str>), Error> {
        let entered = Instant::now();
        let place = self.line.enter().map_err(busy)?;
        let (prepared, ignored) = tokio::select! {
            biased;
            () = self.jobs.closed() => return Err(going_down()),
            prepared = self.prepare(request) => prepared?,
        };
        Ok((Answer::new(self.jobs.clone(), place, prepared, entered), ignored))
    }

    async fn prepare(&self, request: Request) -> Result<(Prepared, Vec<&'static str>), Error> {
        let State::Ready(loaded) = self.settled().await else {
            return Err(gone());
        };
        prompt::refuse_far_too_long(&loaded, request.messages())?;
        // One at a time: tokenizing takes many times the memory of the text, and a core that the
        // model wants.
        let preparing = Arc::clone(&self.preparing).acquire_owned();
        let preparing = preparing.await.expect("the semaphore is never closed");
        let work = tokio::task::spawn_blocking(move || {
            let _preparing = preparing;
            prompt::prepare(&loaded, request)
        });
        work.await.map_err(|_| gone())?
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

    /// Waits until the engine has unloaded the model, which it does when nobody has this worker any
    /// more, at most `deadline`. Returns whether it has.
    pub(crate) async fn ended(self, deadline: Duration) -> bool {
        let Self { mut state, jobs, .. } = self;
        drop(jobs);
        // The engine's thread drops its end last of all.
        let ended = async { while state.changed().await.is_ok() {} };
        tokio::time::timeout(deadline, ended).await.is_ok()
    }
}

fn busy(full: Full) -> Error {
    let waiting = match full.depth {
        0 => "and nobody may wait (--queue-depth 0)".to_owned(),
        depth => format!("and {depth} more are waiting"),
    };
    Error::new(
        Code::Busy,
        format!("the model is answering another request {waiting}; try again in a while"),
    )
}

fn going_down() -> Error {
    Error::new(Code::ShuttingDown, "the server is shutting down; try again later")
}

fn gone() -> Error {
    Error::new(
        Code::InferenceFailed,
        "the engine has stopped; the server's log says why; restart the server",
    )
}
