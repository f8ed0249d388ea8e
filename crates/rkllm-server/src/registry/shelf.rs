//! The models in memory: which to load, which to let go for it, and when one has been idle for long.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, join_all};
use tokio::time::Instant;

use super::KeepAlive;
use super::catalog::ModelEntry;
use crate::error::{Code, Error};
use crate::worker::{Breaker, Limits, ModelSpec, Status, Worker};

/// What a model needs beside its file, in bytes: the KV cache of a common context, and buffers.
const BESIDE_FILE: u64 = 64 << 20;

/// Over when a model is out of memory.
type Gone = Shared<BoxFuture<'static, ()>>;

/// The models in memory.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    loaded: HashMap<String, Loaded>,
    /// Models on their way out of memory.
    leaving: Vec<Leaving>,
    /// Bytes that all models may take together.
    budget: u64,
}

/// A model that is in memory, or on its way there.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) worker: Worker,
    pub(super) entry: Arc<ModelEntry>,
    pub(super) keep_alive: KeepAlive,
    used: Instant,
}

/// A model that answers what it has to and then goes.
#[derive(Debug)]
struct Leaving {
    worker: Worker,
    name: String,
    gone: Gone,
}

impl Loaded {
    /// Whether it cannot be used.
    fn has_failed(&self) -> bool {
        matches!(self.worker.status(), Status::Failed { .. })
    }

    /// When it has been idle for long; `None` is never, or not as things are.
    pub(super) fn expires(&self) -> Option<Instant> {
        let activity = self.worker.activity();
        let loading = matches!(self.worker.status(), Status::Loading { .. });
        match self.keep_alive {
            KeepAlive::For(time) if activity.requests == 0 && !loading => {
                activity.since.max(self.used).checked_add(time)
            }
            _ => None,
        }
    }
}

impl Shelf {
    pub(super) fn new(budget: u64) -> Self {
        Self { budget, ..Self::default() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Loaded> {
        self.loaded.get(name)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.loaded.keys().cloned().collect()
    }

    /// Marks a model as used now.
    pub(super) fn touch(&mut self, name: &str, keep_alive: Option<KeepAlive>) -> Option<Worker> {
        let loaded = self.loaded.get_mut(name)?;
        loaded.used = Instant::now();
        loaded.keep_alive = keep_alive.unwrap_or(loaded.keep_alive);
        Some(loaded.worker.clone())
    }

    /// Begins to load a model, once those that have to make room for it are gone.
    pub(super) fn load(
        &mut self,
        entry: &Arc<ModelEntry>,
        told: (ModelSpec, Limits),
        keep_alive: KeepAlive,
    ) -> Result<Worker, Error> {
        self.make_room(entry)?;
        let record = self.forget_rested(&entry.name).unwrap_or_default();
        let gone: Vec<_> = self.leaving.iter().map(|leaving| leaving.gone.clone()).collect();
        let room = join_all(gone).map(drop);
        let worker = Worker::start(told.0, told.1, record, room);
        let (entry, used) = (Arc::clone(entry), Instant::now());
        let name = entry.name.clone();
        let loaded = Loaded { worker: worker.clone(), entry, keep_alive, used };
        self.loaded.insert(name, loaded);
        Ok(worker)
    }

    /// Lets models go until there is room for another one: idle ones first, those used least lately
    /// first.
    fn make_room(&mut self, entry: &ModelEntry) -> Result<(), Error> {
        let needed = size(entry);
        let stays = |loaded: &&Loaded| {
            loaded.entry.settings.pinned || loaded.keep_alive == KeepAlive::Forever
        };
        let fixed: u64 = self.in_memory().filter(stays).map(|it| size(&it.entry)).sum();
        // Alone it may try: the file need not be in memory as a whole.
        if fixed > 0 && fixed + needed > self.budget {
            return Err(no_room(entry, needed, self.budget));
        }
        while self.taken() + needed > self.budget {
            let candidates = self.in_memory().filter(|loaded| !stays(loaded));
            let last = candidates
                .min_by_key(|loaded| (loaded.worker.activity().requests > 0, loaded.used));
            match last.map(|loaded| loaded.entry.name.clone()) {
                Some(name) => {
                    tracing::info!(model = name, "unloading to make room for {}", entry.name);
                    drop(self.unload(&name, far()));
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn taken(&self) -> u64 {
        self.in_memory().map(|loaded| size(&loaded.entry)).sum()
    }

    /// The models that take memory, or will.
    fn in_memory(&self) -> impl Iterator<Item = &Loaded> {
        self.loaded.values().filter(|loaded| !loaded.has_failed())
    }

    /// Lets a model go once its requests are answered, at the latest at the deadline. One that is
    /// going already may get an earlier deadline.
    pub(super) fn unload(
        &mut self,
        name: &str,
        deadline: Instant,
    ) -> impl Future<Output = ()> + use<> {
        self.leaving.retain(|leaving| !matches!(leaving.worker.status(), Status::Closed));
        if let Some(loaded) = self.loaded.remove(name) {
            let (worker, name) = (loaded.worker, name.to_owned());
            let gone = worker.close(deadline).boxed().shared();
            self.leaving.push(Leaving { worker, name, gone });
        }
        let of_name = self.leaving.iter().filter(|leaving| leaving.name == name);
        join_all(of_name.map(|leaving| leaving.gone.clone()).collect::<Vec<_>>()).map(drop)
    }

    /// Lets every model go, those that are going already as well, until the deadline.
    pub(super) fn close(&mut self, deadline: Instant) -> impl Future<Output = ()> + use<> {
        self.leaving.iter().for_each(|leaving| drop(leaving.worker.close(deadline)));
        for name in self.names() {
            drop(self.unload(&name, deadline));
        }
        join_all(self.leaving.iter().map(|leaving| leaving.gone.clone()).collect::<Vec<_>>())
            .map(drop)
    }

    /// Forgets a model that has failed, so that it is loaded afresh.
    pub(super) fn forget_failed(&mut self, name: &str) {
        if self.get(name).is_some_and(Loaded::has_failed) {
            drop(self.unload(name, far()));
        }
    }

    /// Whether a model has failed and has rested since, so that it may be loaded anew.
    pub(super) fn has_rested(&self, name: &str) -> bool {
        self.get(name).is_some_and(|loaded| loaded.worker.rested().is_some())
    }

    /// Forgets such a model but for its record.
    fn forget_rested(&mut self, name: &str) -> Option<Breaker> {
        let record = self.get(name)?.worker.rested()?;
        drop(self.unload(name, far()));
        Some(record)
    }

    /// Lets every model go that has been idle for long.
    pub(super) fn unload_idle(&mut self) {
        let now = Instant::now();
        let idle = |loaded: &&Loaded| loaded.expires().is_some_and(|expires| expires <= now);
        let idle: Vec<_> =
            self.loaded.values().filter(idle).map(|loaded| loaded.entry.name.clone()).collect();
        for name in idle {
            tracing::info!(model = name, "unloading, as nobody has used it for long");
            drop(self.unload(&name, far()));
        }
    }
}

/// A deadline that is none.
pub(super) fn far() -> Instant {
    Instant::now() + std::time::Duration::from_secs(86_400 * 365)
}

/// Bytes that a model will take, as far as its file tells.
fn size(entry: &ModelEntry) -> u64 {
    entry.size_bytes + BESIDE_FILE
}

fn no_room(entry: &ModelEntry, needed: u64, budget: u64) -> Error {
    Error::new(
        Code::ModelFailed,
        format!(
            "the model {} needs about {} MB of memory, but models may take {} MB together and those \
             that are loaded are to stay; unload one or raise --memory-budget",
            entry.name,
            needed / 1_000_000,
            budget / 1_000_000
        ),
    )
}
