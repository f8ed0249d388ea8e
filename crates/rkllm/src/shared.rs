//! The loaded model behind a session, its models and the thread of a run.

use std::ffi::c_void;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::abi::{Abi, Order};
use crate::callbacks::Callbacks;
use crate::input::{Content, MediaTags};
use crate::live::Live;
use crate::run::{End, Mode, Outcome, RunPlan, RunState, Sink};
use crate::{Capability, CrossAttention, Error, Input, Options, RunOptions};

/// `rkllm_init` is not safe to call twice at a time in one process (observed by
/// RKLLM-API-Server), whichever libraries are loaded.
static INIT: Mutex<()> = Mutex::new(());

/// A handle and what must live as long as it. The last owner destroys it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) abi: Arc<Abi>,
    pub(crate) handle: NonNull<c_void>,
    pub(crate) live: Arc<Live>,
    /// Held for the time of a run or of another call that excludes runs.
    pub(crate) running: Mutex<()>,
    batch: u8,
    tags: MediaTags,
    /// Width of the model's embedding vectors; 0 while nobody knows.
    width: AtomicUsize,
    /// Whether a run was aborted since the cache was last cleared.
    aborted: AtomicBool,
    /// What the runtime holds pointers to. Not touched but by the runtime's callbacks.
    callbacks: *mut Callbacks,
    cross_attention: Mutex<Option<Box<CrossAttention>>>,
}

// SAFETY: runs are serialised by `running`; what else is called on the handle from several threads
// is `rkllm_abort`, which allows it, and the read-only extension calls of the embedded runtime,
// which allow it by contract (vendor/rkllm-ext.h). The runtime has no thread affinity (vendor's
// word: threads and processes are equivalent, rknn-llm issue 383). `callbacks` are `Send` and are
// called during runs only.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: `init` gave us the handle, nobody else destroys it, and no run is under way: a
        // run holds an `Arc` of this value.
        unsafe { self.abi.destroy(self.handle) };
        // SAFETY: `load` made it from a box; the runtime that pointed to it is gone.
        drop(unsafe { Box::from_raw(self.callbacks) });
    }
}

impl Shared {
    pub(crate) fn load(
        abi: &Arc<Abi>,
        model: &Path,
        options: &Options,
        callbacks: Callbacks,
    ) -> Result<Self, Error> {
        options.check()?;
        abi.check_options(options)?;
        let mut callbacks = Box::new(callbacks);
        let handle = {
            let _one_at_a_time = INIT.lock();
            abi.init(model, options, &mut callbacks)?
        };
        Ok(Self {
            abi: Arc::clone(abi),
            handle,
            live: Arc::default(),
            running: Mutex::default(),
            batch: options.batch,
            tags: options.image_tags.clone().unwrap_or_default(),
            width: AtomicUsize::new(0),
            aborted: AtomicBool::new(false),
            callbacks: Box::into_raw(callbacks),
            cross_attention: Mutex::default(),
        })
    }

    /// Entries of the session's batch.
    pub(crate) fn batch(&self) -> usize {
        self.batch.into()
    }

    pub(crate) fn set_width(&self, width: usize) {
        self.width.store(width, Ordering::Relaxed);
    }

    /// Width of the model's embedding vectors, where anybody knows.
    fn width(&self) -> Option<usize> {
        let known = self.width.load(Ordering::Relaxed);
        if known > 0 {
            return Some(known);
        }
        let told = self.model_info().ok()?.embedding_size;
        let width = usize::try_from(told).ok().filter(|&width| width > 0)?;
        self.set_width(width);
        Some(width)
    }

    /// Refuses what can be refused before a run.
    pub(crate) fn check(
        &self,
        inputs: &[Input],
        options: &RunOptions,
        mode: Mode,
    ) -> Result<(), Error> {
        options.check()?;
        self.abi.check_run(options, mode)?;
        if inputs.len() != self.batch() {
            return Err(Error::Batch { given: inputs.len(), batch: self.batch });
        }
        for input in inputs {
            self.abi.check_input(input)?;
            let vectors = !matches!(input.content, Content::Prompt(_) | Content::Tokens(_));
            input.check(if vectors { self.width() } else { None })?;
        }
        Ok(())
    }

    pub(crate) fn run<'s>(
        &'s self,
        inputs: &[Input],
        options: &RunOptions,
        (mode, sink): (Mode, &'s mut Sink<'s>),
    ) -> Result<Outcome, Error> {
        self.check(inputs, options, mode)?;
        let _running = self.running.try_lock().ok_or(Error::Busy)?;
        let can_pause = self.abi.supports(Capability::Pause);
        let plan = RunPlan { mode, batch: self.batch(), can_pause };
        let mut state = RunState::new(sink, &self.live, &plan);
        let order = Order { inputs, options, mode, tags: &self.tags };
        let guard = self.live.enter(&self.abi, self.handle);
        // SAFETY: the handle is alive, `running` keeps every other run away from it, there are as
        // many inputs as the batch has entries, and `state` outlives the call.
        let status = unsafe { self.abi.run(self.handle, &order, &mut state) };
        drop(guard);
        let outcome = state.end(status?).map_err(|error| match error {
            Error::Run { status, .. } => Error::Run { status, reason: self.abi.reason() },
            other => other,
        })?;
        if outcome.end == End::Stopped {
            self.aborted.store(true, Ordering::Relaxed);
        }
        Ok(outcome)
    }

    pub(crate) fn clear(&self, keep_system_prompt: bool) -> Result<(), Error> {
        let _running = self.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.abi.clear_kv_cache(self.handle, keep_system_prompt)? };
        self.aborted.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Empties the cache if an aborted run left it in a state that crashes what comes next.
    pub(crate) fn clear_after_abort(&self) -> Result<(), Error> {
        if self.aborted.load(Ordering::Relaxed) { self.clear(false) } else { Ok(()) }
    }

    /// # Safety
    /// As `Abi::set_cross_attention`.
    pub(crate) unsafe fn set_cross_attention(&self, states: CrossAttention) -> Result<(), Error> {
        let _running = self.running.lock();
        // Boxed arrays keep their addresses; the box itself is not pointed to.
        let mut states = Box::new(states);
        // SAFETY: the caller's promise; the arrays are kept below.
        unsafe { self.abi.set_cross_attention(self.handle, &mut states)? };
        *self.cross_attention.lock() = Some(states);
        Ok(())
    }
}
