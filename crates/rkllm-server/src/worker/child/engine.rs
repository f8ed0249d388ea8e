//! The thread that owns the loaded model and runs one task after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use rkllm::{Capability, Session};
use rkllm_chat::Message;

use super::control::{Current, Order};
use super::load::{Loaded, load};
use super::outbox::Outbox;
use super::prefix_cache::PrefixCache;
use super::task::Task;
use crate::worker::protocol::{FromChild, Id};
use crate::worker::spec::ModelSpec;

/// What runs tasks.
pub(super) struct Engine<'a> {
    pub(super) session: Session,
    pub(super) loaded: Arc<Loaded>,
    pub(super) cache: Option<PrefixCache>,
    /// The conversation that the runtime remembers, answers included, where it has to.
    pub(super) remembered: Vec<Message>,
    /// Whose conversation that is.
    pub(super) remembered_for: Option<u64>,
    pub(super) outbox: &'a Outbox,
}

/// The task under way.
#[derive(Clone, Copy)]
pub(super) struct Ticket<'a> {
    pub(super) id: Id,
    cancelled: &'a AtomicBool,
}

impl Ticket<'_> {
    /// Whether nobody wants it any more.
    pub(super) fn gone(self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Loads the model and runs what is ordered, until told to stop; then the model is unloaded.
pub(super) fn serve(spec: ModelSpec, orders: &Receiver<Order>, outbox: &Outbox, current: &Current) {
    if let Some(mask) = spec.affinity
        && let Err(error) = stay_on(mask)
    {
        outbox.send(&FromChild::Note(format!("cannot choose the CPUs: {error}")));
    }
    match load(spec) {
        Ok((session, loaded)) => {
            let loaded = Arc::new(loaded);
            let facts = Box::new(loaded.facts.clone());
            let cache = cache(&loaded, outbox);
            // Nobody else sets it.
            let _ = current.loaded.set(Arc::clone(&loaded));
            outbox.send(&FromChild::Loaded(facts));
            let (remembered, remembered_for) = (Vec::new(), None);
            Engine { session, loaded, cache, remembered, remembered_for, outbox }
                .obey(orders, current);
        }
        Err(error) => {
            outbox.send(&FromChild::LoadFailed(error.to_string()));
            while let Ok(Order::Run { .. }) = orders.recv() {}
        }
    }
}

/// Keeps this thread, and those that the runtime starts from it, on some of the CPUs.
fn stay_on(mask: u32) -> std::io::Result<()> {
    let mut cpus = rustix::thread::CpuSet::new();
    (0..32).filter(|cpu| mask & (1 << cpu) != 0).for_each(|cpu| cpus.set(cpu));
    Ok(rustix::thread::sched_setaffinity(None, &cpus)?)
}

/// The cache of the settings, where the runtime can use one and we know the tokens.
fn cache(loaded: &Loaded, outbox: &Outbox) -> Option<PrefixCache> {
    let spec = loaded.spec.prefix_cache.clone()?;
    if loaded.text.is_none() || !loaded.runtime.supports(Capability::History) {
        return None;
    }
    PrefixCache::new(spec)
        .map_err(|error| outbox.send(&FromChild::Note(format!("no prefix cache: {error}"))))
        .ok()
}

impl Engine<'_> {
    fn obey(mut self, orders: &Receiver<Order>, current: &Current) {
        while let Ok(Order::Run { id, task, cancelled }) = orders.recv() {
            *current.running.lock() = Some((id, self.session.aborter()));
            // What was cancelled before this point was not running yet, so nobody aborted it; what
            // is cancelled from here on is aborted, or notices by itself.
            let ticket = Ticket { id, cancelled: &cancelled };
            match task {
                Task::Answer(ready) => self.answer(ticket, *ready),
                Task::Embed(texts) => self.embed(ticket, texts),
                Task::Rerank(scoring) => self.rerank(ticket, scoring),
            }
            *current.running.lock() = None;
        }
    }

    /// Empties the runtime's memory of prompts.
    pub(super) fn forget(&mut self) {
        // A runtime that cannot forget does not remember either.
        let _ = self.session.clear_history();
        self.remembered.clear();
        if let Some(cache) = &mut self.cache {
            cache.forgotten();
        }
    }
}
