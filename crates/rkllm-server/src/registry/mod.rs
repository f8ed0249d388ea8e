//! The models of this server: which there are, which are in memory, and the way to each.

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the server runs one model"))]
pub(crate) mod catalog;
mod info;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

pub(crate) use info::{Abilities, KeepAlive, ModelInfo, ModelState};

use crate::error::{Code, Error};
use crate::generate::Request;
use crate::worker::{Answer, Limits, ModelSpec, Output, Status, Work, Worker};

pub(crate) use crate::worker::{Embed, EmbedInput};

/// The way to the models. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    worker: Arc<OnceLock<Worker>>,
    started: watch::Receiver<bool>,
}

/// Which model a request is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// By name or alias; `None` is the only model, or the default one.
    pub(crate) model: Option<String>,
    /// How long it stays in memory after this request; `None` as its settings say.
    pub(crate) keep_alive: Option<KeepAlive>,
    /// Whose request it is, where clients are told apart.
    pub(crate) owner: Option<u64>,
}

/// A request that will be answered.
pub(crate) struct Accepted {
    pub(crate) answer: Answer,
    /// The model's name.
    pub(crate) model: String,
    /// Tokens of the prompt, where they are known before it runs.
    pub(crate) prompt_tokens: Option<u32>,
    /// What the request says without effect, by the names of [`Request`]'s fields.
    pub(crate) ignored: Vec<String>,
}

/// Vectors, one per input.
#[derive(Clone, Debug)]
pub(crate) struct Embeddings {
    pub(crate) model: String,
    /// Of length 1.
    pub(crate) vectors: Vec<Vec<f32>>,
    /// Tokens of all inputs.
    pub(crate) tokens: u32,
    pub(crate) load: Duration,
    pub(crate) total: Duration,
}

impl Registry {
    /// The registry of one model, and the task that it lives in.
    pub(crate) fn new(
        spec: ModelSpec,
        limits: Limits,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let worker = Arc::<OnceLock<Worker>>::default();
        let (start, started) = watch::channel(false);
        let slot = Arc::clone(&worker);
        let tasks = async move {
            let _ = slot.set(Worker::start(spec, limits, std::future::ready(())));
            start.send_replace(true);
        };
        (Self { worker, started }, tasks)
    }

    async fn worker(&self) -> &Worker {
        let _ = self.started.clone().wait_for(|started| *started).await;
        self.worker.get().expect("it is set before that is said")
    }

    pub(crate) async fn settled(&self) -> Status {
        self.worker().await.settled().await
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.worker.get().is_some_and(|worker| matches!(worker.status(), Status::Ready(_)))
    }

    pub(crate) async fn close(&self, deadline: Instant) {
        self.worker().await.close(deadline).await;
    }

    /// Sends a request to its model, which is loaded if needed: takes a place in line, at once or
    /// not at all, and checks the request against the model. Nothing runs until the answer is read;
    /// dropping it leaves the line or ends the run.
    pub(crate) async fn answer(
        &self,
        target: &Target,
        request: Request,
    ) -> Result<Accepted, Error> {
        let _ = target;
        let (answer, prepared) = self.worker().await.answer(target.owner, request).await?;
        Ok(Accepted {
            answer,
            model: String::new(),
            prompt_tokens: prepared.tokens,
            ignored: prepared.ignored,
        })
    }

    /// Tokens that a request's prompt has.
    pub(crate) async fn count(&self, target: &Target, request: Request) -> Result<u32, Error> {
        let _ = target;
        match self.worker().await.work(Work::Count(request)).await? {
            Output::Count(count) => Ok(count),
            _ => Err(unsupported()),
        }
    }

    /// The tokens of a text as it stands; with `special` its special tokens are read as such.
    pub(crate) async fn tokenize(
        &self,
        target: &Target,
        text: String,
        special: bool,
    ) -> Result<Vec<i32>, Error> {
        let _ = (target, text, special);
        Err(unsupported())
    }

    /// The text of tokens.
    pub(crate) async fn detokenize(
        &self,
        target: &Target,
        tokens: Vec<i32>,
    ) -> Result<String, Error> {
        let _ = (target, tokens);
        Err(unsupported())
    }

    /// Turns texts into vectors.
    pub(crate) async fn embed(&self, target: &Target, embed: Embed) -> Result<Embeddings, Error> {
        let _ = (target, embed);
        Err(unsupported())
    }

    /// How well each document answers the query, 0 to 1.
    pub(crate) async fn rerank(
        &self,
        target: &Target,
        query: String,
        documents: Vec<String>,
    ) -> Result<Vec<f32>, Error> {
        let _ = (target, query, documents);
        Err(unsupported())
    }

    /// All models by name.
    pub(crate) async fn models(&self) -> Vec<ModelInfo> {
        Vec::new()
    }

    /// One model.
    pub(crate) async fn model(&self, name: Option<&str>) -> Result<ModelInfo, Error> {
        let _ = name;
        Err(unsupported())
    }

    /// Brings a model into memory and returns how long that took.
    pub(crate) async fn load(&self, target: &Target) -> Result<Duration, Error> {
        let _ = target;
        Err(unsupported())
    }

    /// Takes a model out of memory once its requests are answered.
    pub(crate) async fn unload(&self, name: Option<&str>) -> Result<(), Error> {
        let _ = name;
        Err(unsupported())
    }
}

fn unsupported() -> Error {
    Error::new(Code::Unsupported, "this model's runtime cannot do that")
}
