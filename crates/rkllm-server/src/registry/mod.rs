//! The models of this server: which there are, which are in memory, and the way to each.

mod info;

use std::time::Duration;

pub(crate) use info::{Abilities, KeepAlive, ModelInfo, ModelState};

use crate::error::{Code, Error};
use crate::generate::Request;
use crate::worker::{Answer, Worker};

/// The way to the models. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    pub(crate) worker: Worker,
}

/// Which model a request is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// By name or alias; `None` is the only model, or the default one.
    pub(crate) model: Option<String>,
    /// How long it stays in memory after this request; `None` as its settings say.
    pub(crate) keep_alive: Option<KeepAlive>,
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

/// Texts to be turned into vectors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Embed {
    pub(crate) inputs: Vec<EmbedInput>,
    /// Numbers per vector; `None` is all.
    pub(crate) dimensions: Option<u32>,
    /// Whether what is too long is cut; else it is refused.
    pub(crate) truncate: bool,
}

/// One text to be turned into a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EmbedInput {
    Text(String),
    Tokens(Vec<i32>),
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
    /// Sends a request to its model, which is loaded if needed: takes a place in line, at once or
    /// not at all, and checks the request against the model. Nothing runs until the answer is read;
    /// dropping it leaves the line or ends the run.
    pub(crate) async fn answer(
        &self,
        target: &Target,
        request: Request,
    ) -> Result<Accepted, Error> {
        let _ = target;
        let (answer, ignored) = self.worker.answer(request).await?;
        Ok(Accepted {
            answer,
            model: String::new(),
            prompt_tokens: None,
            ignored: ignored.into_iter().map(str::to_owned).collect(),
        })
    }

    /// Tokens that a request's prompt has.
    pub(crate) async fn count(&self, target: &Target, request: Request) -> Result<u32, Error> {
        let _ = (target, request);
        Err(unsupported())
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
