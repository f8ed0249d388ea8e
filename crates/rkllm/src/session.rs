//! A loaded model.

use std::ffi::c_void;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::abi::Abi;
use crate::live::{Aborter, Live};
use crate::options::Lora;
use crate::run::{Flow, Outcome, RunState, Sink, TokenRef};
use crate::{Capability, Error, Generation, Input, Model, Options, RunOptions, Runtime};

/// `rkllm_init` is not safe to call twice at a time in one process (observed by
/// RKLLM-API-Server), whichever libraries are loaded.
static INIT: Mutex<()> = Mutex::new(());

/// A loaded model: owns the runtime's handle and keeps the library open.
///
/// Dropping it ends a run under way, waits for its end and frees the model.
///
/// ```no_run
/// # fn main() -> Result<(), rkllm::Error> {
/// let runtime = rkllm::Runtime::find()?;
/// let mut session = runtime.load("model.rkllm", &rkllm::Options::default())?;
/// for token in session.generate("What is the capital of France?")? {
///     print!("{}", token?.text);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
}

/// What a session shares with the thread of a run and with its [`Model`]s. The last one destroys
/// the handle.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) abi: Arc<Abi>,
    pub(crate) handle: NonNull<c_void>,
    live: Arc<Live>,
    /// Held for the time of a run.
    running: Mutex<()>,
}

// SAFETY: runs are serialised by `running`; what else is called on the handle from several threads
// is `rkllm_abort`, which allows it, and the read-only extension calls of the embedded runtime,
// which allow it by contract (vendor/rkllm-ext.h). The runtime has no thread affinity (vendor's
// word: threads and processes are equivalent, rknn-llm issue 383).
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: `init` gave us the handle, nobody else destroys it, and no run is under way: a
        // run holds an `Arc` of this value.
        unsafe { self.abi.destroy(self.handle) };
    }
}

impl Session {
    pub(crate) fn load(runtime: &Runtime, model: &Path, options: &Options) -> Result<Self, Error> {
        options.check()?;
        let abi = Arc::clone(&runtime.abi);
        let _one_at_a_time = INIT.lock();
        let handle = abi.init(model, options)?;
        let shared = Shared { abi, handle, live: Arc::default(), running: Mutex::new(()) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The answer to `input` as an iterator of tokens, with default [`RunOptions`].
    ///
    /// # Errors
    /// As [`Session::generate_with`].
    pub fn generate(&mut self, input: impl Into<Input>) -> Result<Generation<'_>, Error> {
        self.generate_with(input, RunOptions::default())
    }

    /// The answer to `input` as an iterator of tokens. Nothing runs until the first one is asked for.
    ///
    /// # Errors
    /// [`Error::Option`], [`Error::Unsupported`] or [`Error::Nul`] for what can be refused before
    /// the run; errors of the run itself come out of the iterator.
    pub fn generate_with(
        &mut self,
        input: impl Into<Input>,
        options: RunOptions,
    ) -> Result<Generation<'_>, Error> {
        let input = input.into();
        self.shared.check(&options)?;
        Ok(Generation::new(&self.shared, input, options))
    }

    /// Runs `input` on the calling thread and hands each token to `sink` as it comes: the way with
    /// the least overhead. A panic of `sink` ends the run and goes on in the caller.
    ///
    /// # Errors
    /// [`Error::Option`], [`Error::Unsupported`] or [`Error::Nul`] before the run; [`Error::Run`]
    /// or [`Error::NoAnswer`] when the runtime fails.
    pub fn run(
        &mut self,
        input: impl Into<Input>,
        options: &RunOptions,
        mut sink: impl FnMut(TokenRef<'_>) -> Flow + Send,
    ) -> Result<Outcome, Error> {
        self.shared.run(&input.into(), options, &mut sink)
    }

    /// A handle that ends the run under way, for another thread.
    #[must_use]
    pub fn aborter(&self) -> Aborter {
        Aborter(Arc::clone(&self.shared.live))
    }

    /// The model's tokenizer and facts, for any thread, also while a run is under way. The model
    /// stays in memory until this is dropped as well.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without [`Capability::Tokenizer`].
    pub fn model(&self) -> Result<Model, Error> {
        self.shared.abi.require(Capability::Tokenizer)?;
        Ok(Model::new(Arc::clone(&self.shared)))
    }

    /// Forgets the conversation: empties the KV cache.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses.
    pub fn clear_history(&mut self) -> Result<(), Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.clear_kv_cache(self.shared.handle) }
    }

    /// Replaces the model's chat template: prompts become `system`, `prefix`, the prompt, `postfix`,
    /// put together as they are. Empties the KV cache.
    ///
    /// # Errors
    /// [`Error::Nul`] for a text with U+0000, [`Error::Call`] when the runtime refuses.
    pub fn set_chat_template(
        &mut self,
        system: &str,
        prefix: &str,
        postfix: &str,
    ) -> Result<(), Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.set_chat_template(self.shared.handle, [system, prefix, postfix]) }
    }

    /// Loads a LoRA adapter, which runs then choose by [`RunOptions::lora`].
    ///
    /// # Errors
    /// [`Error::Nul`] for a name with U+0000, [`Error::Call`] when the runtime refuses.
    pub fn load_lora(&mut self, lora: &Lora) -> Result<(), Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.load_lora(self.shared.handle, lora) }
    }

    /// Loads a prompt cache file, whose beginning of a prompt need not be evaluated again.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses, for example a file of another model.
    pub fn load_prompt_cache(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.load_prompt_cache(self.shared.handle, path.as_ref()) }
    }

    /// Tokens in the KV cache.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses.
    pub fn kv_cache_len(&self) -> Result<u32, Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.kv_cache_size(self.shared.handle) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A run is under way only if a `Generation` was leaked; its thread holds `shared`.
        if self.shared.abort() {
            drop(self.shared.running.lock());
        }
    }
}

impl Shared {
    pub(crate) fn abort(&self) -> bool {
        self.live.abort()
    }

    fn check(&self, options: &RunOptions) -> Result<(), Error> {
        options.check()?;
        if options.sampling.is_some() || options.max_new_tokens.is_some() {
            self.abi.require(Capability::PerRunSampling)?;
        }
        if options.seed.is_some() {
            self.abi.require(Capability::Seed)?;
        }
        Ok(())
    }

    pub(crate) fn run<'s>(
        &'s self,
        input: &Input,
        options: &RunOptions,
        sink: &'s mut Sink<'s>,
    ) -> Result<Outcome, Error> {
        self.check(options)?;
        let _running = self.running.try_lock().ok_or(Error::Busy)?;
        let mut state = RunState::new(sink, &self.live);
        let guard = self.live.enter(&self.abi, self.handle);
        // SAFETY: the handle is alive, `running` keeps every other run away from it, and `state`
        // outlives the call.
        let status = unsafe { self.abi.run(self.handle, (input, options), &mut state) };
        drop(guard);
        state.end(status?)
    }
}
