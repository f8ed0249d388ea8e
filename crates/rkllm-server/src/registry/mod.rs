//! The models of this server: which there are, which are in memory, and the way to each.

mod cache_folder;
pub(crate) mod catalog;
mod describe;
mod info;
mod readiness;
mod rescan;
mod shelf;
mod spec;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub(crate) use info::{Abilities, KeepAlive, ModelInfo, ModelState};
pub(crate) use readiness::Readiness;
pub(crate) use spec::Defaults;

use crate::error::{Code, Error};
use crate::generate::Request;
use crate::worker::{Answer, Output, Status, Work, Worker};
use cache_folder::CacheFolder;
use catalog::{Catalog, CatalogError, ModelEntry};
use shelf::Shelf;

pub(crate) use crate::worker::{Embed, EmbedInput};

/// How often idle models are looked for.
const TICK: Duration = Duration::from_secs(1);
/// The models folder is looked at again for a listing, but not more often than this.
const RESCAN: Duration = Duration::from_secs(2);

/// The way to the models. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    inner: Arc<Inner>,
    /// Whose requests it passes on, where clients are told apart.
    owner: Option<u64>,
}

#[derive(Debug)]
struct Inner {
    defaults: Defaults,
    /// Until the registry closes.
    cache: Mutex<Option<CacheFolder>>,
    state: Mutex<State>,
    /// Held by whoever looks at the models folder.
    scanning: tokio::sync::Mutex<()>,
    /// Whether the task of the registry runs, which everything that is loaded belongs to.
    started: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    /// The model that the server was started with.
    main: Option<Arc<ModelEntry>>,
    /// The models folder.
    catalog: Option<Catalog>,
    /// When somebody began to look at it last.
    scanned: Instant,
    shelf: Shelf,
    closing: bool,
}

/// What the registry starts with.
#[derive(Debug)]
pub(crate) struct Models {
    /// The model that is loaded at once and that requests without a name get.
    pub(crate) main: Option<Arc<ModelEntry>>,
    /// The models folder.
    pub(crate) catalog: Option<Catalog>,
}

/// Which model a request is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// By name or alias; `None` is the only model, or the one that the server was started with.
    pub(crate) model: Option<String>,
    /// How long it stays in memory after this request; `None` as its settings say.
    pub(crate) keep_alive: Option<KeepAlive>,
}

/// A request that will be answered.
#[derive(Debug)]
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
    /// Of length 1.
    pub(crate) vectors: Vec<Vec<f32>>,
    /// Tokens of all inputs.
    pub(crate) tokens: u32,
    pub(crate) load: Duration,
    pub(crate) total: Duration,
}

impl Registry {
    /// The registry, and the task that it lives in.
    pub(crate) fn new(
        models: Models,
        mut defaults: Defaults,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let shelf = Shelf::new(defaults.memory_budget);
        let Models { main, catalog } = models;
        let scanned = Instant::now();
        let state = Mutex::new(State { main, catalog, scanned, shelf, closing: false });
        let cache = Mutex::new(CacheFolder::claimed(&mut defaults.prefix_cache));
        let (scanning, started) = (tokio::sync::Mutex::default(), watch::Sender::new(false));
        let inner = Inner { defaults, cache, state, scanning, started };
        let registry = Self { inner: Arc::new(inner), owner: None };
        let tasks = registry.clone().live();
        (registry, tasks)
    }

    /// The same for the requests of one client.
    pub(crate) fn with_owner(self, owner: Option<u64>) -> Self {
        Self { owner, ..self }
    }

    /// Loads the main model and the pinned ones and lets idle ones go, for ever.
    async fn live(self) {
        let pinned = {
            let state = self.inner.state.lock();
            let entries = state.entries().filter(|entry| entry.settings.pinned).cloned();
            state.main.iter().cloned().chain(entries).collect::<Vec<_>>()
        };
        for entry in pinned {
            if let Err(error) = self.worker(&entry, None) {
                tracing::error!(model = entry.name, "{error}");
            }
        }
        self.inner.started.send_replace(true);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.inner.state.lock().shelf.unload_idle();
        }
    }

    /// Sends a request to its model, which is loaded if needed: takes a place in line, at once or
    /// not at all, and checks the request against the model. Dropping the answer leaves the line or
    /// ends the run.
    pub(crate) async fn answer(
        &self,
        target: &Target,
        request: Request,
    ) -> Result<Accepted, Error> {
        let (entry, worker) = self.find(target).await?;
        let (answer, prepared) = worker.answer(self.owner, request).await?;
        Ok(Accepted {
            answer,
            model: entry.name.clone(),
            prompt_tokens: prepared.tokens,
            ignored: prepared.ignored,
        })
    }

    /// Tokens that a request's prompt has.
    pub(crate) async fn count(&self, target: &Target, request: Request) -> Result<u32, Error> {
        let (_, worker) = self.find(target).await?;
        match worker.work(Work::Count(request)).await? {
            Output::Count(count) => Ok(count),
            other => Err(unexpected(&other)),
        }
    }

    /// The tokens of a text as it stands; with `special` its special tokens are read as such.
    pub(crate) async fn tokenize(
        &self,
        target: &Target,
        text: String,
        special: bool,
    ) -> Result<Vec<i32>, Error> {
        let (_, worker) = self.find(target).await?;
        match worker.work(Work::Tokenize { text, special }).await? {
            Output::Tokens(tokens) => Ok(tokens),
            other => Err(unexpected(&other)),
        }
    }

    /// The text of tokens.
    pub(crate) async fn detokenize(
        &self,
        target: &Target,
        tokens: Vec<i32>,
    ) -> Result<String, Error> {
        let (_, worker) = self.find(target).await?;
        match worker.work(Work::Detokenize(tokens)).await? {
            Output::Text(text) => Ok(text),
            other => Err(unexpected(&other)),
        }
    }

    /// Turns texts into vectors.
    pub(crate) async fn embed(&self, target: &Target, embed: Embed) -> Result<Embeddings, Error> {
        let started = Instant::now();
        let (_, worker) = self.find(target).await?;
        let loaded = async {
            worker.settled().await;
            Ok(started.elapsed())
        };
        // Its place in line comes first: without, the model would count as idle once it is loaded.
        match try_join(worker.work(Work::Embed(embed)), loaded).await? {
            (Output::Vectors { vectors, tokens }, load) => {
                let total = started.elapsed();
                Ok(Embeddings { vectors, tokens, load, total })
            }
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// How well each document answers the query, 0 to 1, and the tokens that it took.
    pub(crate) async fn rerank(
        &self,
        target: &Target,
        query: String,
        documents: Vec<String>,
    ) -> Result<(Vec<f32>, u32), Error> {
        let (_, worker) = self.find(target).await?;
        match worker.work(Work::Rerank { query, documents }).await? {
            Output::Scores { scores, tokens } => Ok((scores, tokens)),
            other => Err(unexpected(&other)),
        }
    }

    /// All models by name.
    pub(crate) async fn models(&self) -> Vec<ModelInfo> {
        let outdated = {
            let state = self.inner.state.lock();
            state.catalog.is_some() && state.scanned.elapsed() > RESCAN
        };
        if outdated {
            self.rescan().await;
        }
        let state = self.inner.state.lock();
        let mut models: Vec<_> = state.all().map(|entry| self.describe(&state, entry)).collect();
        models.extend(state.broken());
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models
    }

    /// The file of a model in the folder that is to be changed, which has to be named more exactly
    /// than one that is to answer; by its name.
    pub(crate) async fn to_change(&self, name: &str) -> Result<String, Error> {
        self.rescan().await;
        let state = self.inner.state.lock();
        let catalog = state.catalog.as_ref().ok_or(CatalogError::Unnamed).map_err(not_found)?;
        let entry = catalog.resolve_strictly(name).map_err(not_found)?;
        Ok(entry.name.clone())
    }

    /// One model.
    pub(crate) async fn model(&self, name: Option<&str>) -> Result<ModelInfo, Error> {
        let entry = self.entry(name).await?;
        let state = self.inner.state.lock();
        Ok(self.describe(&state, &entry))
    }

    /// Brings a model into memory and returns how long that took. One that counts as failed is tried
    /// again at once.
    pub(crate) async fn load(&self, target: &Target) -> Result<Duration, Error> {
        let started = Instant::now();
        let entry = self.entry(target.model.as_deref()).await?;
        self.inner.state.lock().shelf.forget_failed(&entry.name);
        let worker = self.worker(&entry, target.keep_alive)?;
        match worker.settled().await {
            Status::Ready(_) => Ok(started.elapsed()),
            Status::Failed { reason, .. } => Err(Error::new(
                Code::ModelFailed,
                format!("the model {} cannot be used: {reason}", entry.name),
            )),
            Status::Loading { .. } | Status::Closed if self.inner.state.lock().closing => {
                Err(shutting_down())
            }
            Status::Loading { .. } | Status::Closed => Err(Error::new(
                Code::Busy,
                format!(
                    "the model {} was unloaded while it was being loaded; try again",
                    entry.name
                ),
            )),
        }
    }

    /// Takes a model out of memory once its requests are answered. Over when it is gone.
    pub(crate) async fn unload(&self, name: Option<&str>) -> Result<(), Error> {
        let entry = self.entry(name).await?;
        let gone = self.inner.state.lock().shelf.unload(&entry.name, shelf::far());
        gone.await;
        Ok(())
    }

    /// The models folder.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        let state = self.inner.state.lock();
        state.catalog.as_ref().map(|catalog| catalog.folder().to_owned())
    }

    /// Waits until the main model is loaded or cannot be; without one, until the server can answer.
    pub(crate) async fn settled(&self) -> Option<(String, Status)> {
        // The registry holds the other end.
        let _ = self.inner.started.subscribe().wait_for(|started| *started).await;
        let (name, worker) = {
            let state = self.inner.state.lock();
            let main = state.main.as_ref()?;
            (main.name.clone(), state.shelf.get(&main.name)?.worker.clone())
        };
        let status = worker.settled().await;
        Some((name, status))
    }

    /// Lets every model go; answers under way have until the deadline. Requests are refused from
    /// now on.
    pub(crate) async fn close(&self, deadline: Instant) {
        let gone = {
            let mut state = self.inner.state.lock();
            state.closing = true;
            state.shelf.close(deadline)
        };
        gone.await;
        self.inner.cache.lock().take();
    }

    /// The model of a request, and what runs it.
    async fn find(&self, target: &Target) -> Result<(Arc<ModelEntry>, Worker), Error> {
        let entry = self.entry(target.model.as_deref()).await?;
        let worker = self.worker(&entry, target.keep_alive)?;
        Ok((entry, worker))
    }

    async fn entry(&self, name: Option<&str>) -> Result<Arc<ModelEntry>, Error> {
        let found = self.inner.state.lock().resolve(name);
        match found {
            Err(CatalogError::Unknown { .. }) if self.folder().is_some() => {
                self.rescan().await;
                self.inner.state.lock().resolve(name).map_err(not_found)
            }
            found => found.map_err(not_found),
        }
    }

    fn worker(
        &self,
        entry: &Arc<ModelEntry>,
        keep_alive: Option<KeepAlive>,
    ) -> Result<Worker, Error> {
        let mut state = self.inner.state.lock();
        if state.closing {
            return Err(shutting_down());
        }
        if !state.shelf.has_rested(&entry.name)
            && let Some(worker) = state.shelf.touch(&entry.name, keep_alive)
        {
            return Ok(worker);
        }
        let is_main = state.main.as_ref().is_some_and(|main| main.name == entry.name);
        let stays = is_main || entry.settings.pinned;
        let usual = if stays { KeepAlive::Forever } else { self.inner.defaults.keep_alive };
        let keep_alive = keep_alive.or(entry.settings.keep_alive).unwrap_or(usual);
        let (spec, limits) = self.inner.defaults.spec(entry, is_main);
        state.shelf.load(entry, (spec, limits), keep_alive)
    }

    fn describe(&self, state: &State, entry: &ModelEntry) -> ModelInfo {
        describe::describe(entry, state.shelf.get(&entry.name), &self.inner.defaults)
    }
}

impl State {
    /// The models of the folder.
    fn entries(&self) -> impl Iterator<Item = &Arc<ModelEntry>> {
        self.catalog.iter().flat_map(|catalog| catalog.entries())
    }

    /// All models; the main one may be in the folder as well.
    fn all(&self) -> impl Iterator<Item = &Arc<ModelEntry>> {
        let main = self.main.as_ref();
        let others =
            self.entries().filter(move |entry| main.is_none_or(|main| main.file != entry.file));
        main.into_iter().chain(others)
    }

    fn broken(&self) -> impl Iterator<Item = ModelInfo> {
        self.catalog.iter().flat_map(|catalog| catalog.broken()).map(describe::broken)
    }

    fn resolve(&self, name: Option<&str>) -> Result<Arc<ModelEntry>, CatalogError> {
        match (name, &self.main, &self.catalog) {
            (None, Some(main), _) => Ok(Arc::clone(main)),
            (None, None, _) => match self.entries().collect::<Vec<_>>()[..] {
                [only] => Ok(Arc::clone(only)),
                _ => Err(CatalogError::Unnamed),
            },
            (Some(name), main, catalog) => {
                let main = main.as_ref().map(|main| Catalog::alone(main).resolve(name).cloned());
                match (main, catalog) {
                    (Some(Ok(main)), _) => Ok(main),
                    (_, Some(catalog)) => catalog.resolve(name).cloned(),
                    (Some(error), None) => error,
                    (None, None) => Err(CatalogError::Unnamed),
                }
            }
        }
    }
}

fn not_found(error: CatalogError) -> Error {
    let code = match error {
        CatalogError::Unusable { .. } | CatalogError::Model { .. } => Code::ModelFailed,
        CatalogError::BadName { .. } | CatalogError::Ambiguous { .. } | CatalogError::Unnamed => {
            Code::InvalidRequest
        }
        _ => Code::ModelNotFound,
    };
    Error { param: Some("model".to_owned()), ..Error::new(code, error.to_string()) }
}

fn unexpected(output: &Output) -> Error {
    let kind = match output {
        Output::Count(_) => "a count",
        Output::Vectors { .. } => "vectors",
        Output::Scores { .. } => "scores",
        Output::Tokens(_) => "tokens",
        Output::Text(_) => "a text",
    };
    Error::new(Code::InferenceFailed, format!("the model's worker answered with {kind}"))
}

fn shutting_down() -> Error {
    Error::shutting_down("the server is shutting down; try again later")
}

/// A model file as the only one there is.
///
/// # Errors
/// [`CatalogError`] when it cannot be used.
pub(crate) fn alone(file: &Path) -> Result<Arc<ModelEntry>, CatalogError> {
    Catalog::file(file)
}
