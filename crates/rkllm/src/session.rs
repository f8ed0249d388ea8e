//! A loaded model.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::live::Aborter;
use crate::options::Lora;
use crate::run::{Delivery, Flow, Mode, Outcome, TokenRef};
use crate::shared::Shared;
use crate::{
    BatchGeneration, Callbacks, Capability, CrossAttention, Error, Generation, Input, Model,
    Options, RunOptions, Runtime, Tensor,
};

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

/// Answers.
impl Session {
    pub(crate) fn load(
        runtime: &Runtime,
        model: &Path,
        options: &Options,
        callbacks: Callbacks,
    ) -> Result<Self, Error> {
        let shared = Shared::load(&runtime.abi, model, options, callbacks)?;
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
    /// [`Error::Option`], [`Error::Unsupported`], [`Error::Batch`] or [`Error::UnknownWidth`] for
    /// what can be refused before the run; errors of the run itself come out of the iterator.
    pub fn generate_with(
        &mut self,
        input: impl Into<Input>,
        options: RunOptions,
    ) -> Result<Generation<'_>, Error> {
        let input = input.into();
        self.shared.check(std::slice::from_ref(&input), &options, Mode::Generate)?;
        Ok(Generation::new(&self.shared, input, options))
    }

    /// Runs `input` on the calling thread and hands each token to `sink` as it comes: the way with
    /// the least overhead. A panic of `sink` ends the run and goes on in the caller.
    ///
    /// # Errors
    /// As [`Session::generate_with`] before the run; [`Error::Run`] or [`Error::NoAnswer`] when the
    /// runtime fails.
    pub fn run(
        &mut self,
        input: impl Into<Input>,
        options: &RunOptions,
        mut sink: impl FnMut(TokenRef<'_>) -> Flow + Send,
    ) -> Result<Outcome, Error> {
        let mut deliver = |delivery: Delivery<'_>| match delivery {
            Delivery::Token(_, token) => sink(token),
            Delivery::Tensor(_) => Flow::Continue,
        };
        self.shared.run(&[input.into()], options, (Mode::Generate, &mut deliver))
    }

    /// The answers to several inputs, generated in lock-step, as an iterator of each one's tokens.
    /// There must be as many inputs as [`Options::batch`] says.
    ///
    /// # Errors
    /// As [`Session::generate_with`].
    pub fn generate_batch(
        &mut self,
        inputs: Vec<Input>,
        options: RunOptions,
    ) -> Result<BatchGeneration<'_>, Error> {
        self.shared.check(&inputs, &options, Mode::Generate)?;
        Ok(BatchGeneration::new(&self.shared, inputs, options))
    }

    /// Runs several inputs in lock-step and hands each token to `sink` with the index of its input.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_batch(
        &mut self,
        inputs: &[Input],
        options: &RunOptions,
        mut sink: impl FnMut(usize, TokenRef<'_>) -> Flow + Send,
    ) -> Result<Outcome, Error> {
        let mut deliver = |delivery: Delivery<'_>| match delivery {
            Delivery::Token(entry, token) => sink(entry, token),
            Delivery::Tensor(_) => Flow::Continue,
        };
        self.shared.run(inputs, options, (Mode::Generate, &mut deliver))
    }

    /// The last hidden layer's states of the input's tokens, one row per token. Empties the KV cache
    /// before, where the runtime can: what it holds would change the numbers (observed by rkllama).
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn hidden_states(&mut self, input: impl Into<Input>) -> Result<Tensor, Error> {
        let states = self.numbers(input.into(), Mode::HiddenStates)?;
        self.shared.set_width(states.width);
        Ok(states)
    }

    /// The logits of the input's tokens, one row per token. Empties the KV cache before.
    ///
    /// # Errors
    /// As [`Session::run`]; [`Error::Unsupported`] without [`Capability::Logits`].
    pub fn logits(&mut self, input: impl Into<Input>) -> Result<Tensor, Error> {
        self.numbers(input.into(), Mode::Logits)
    }

    fn numbers(&mut self, input: Input, mode: Mode) -> Result<Tensor, Error> {
        if self.shared.abi.supports(Capability::History) {
            self.shared.clear(false)?;
        }
        let mut tensor = Tensor::default();
        let mut deliver = |delivery: Delivery<'_>| {
            if let Delivery::Tensor(part) = delivery {
                tensor.width = part.width;
                tensor.data.extend_from_slice(part.data);
            }
            Flow::Continue
        };
        self.shared.run(&[input], &RunOptions::default(), (mode, &mut deliver))?;
        if tensor.data.is_empty() { Err(Error::NoAnswer) } else { Ok(tensor) }
    }

    /// A handle that ends the run under way, for another thread.
    #[must_use]
    pub fn aborter(&self) -> Aborter {
        Aborter(Arc::clone(&self.shared.live))
    }

    /// Whether the runtime says that a run is under way.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // SAFETY: the handle is alive; the call is made to be used during a run.
        unsafe { self.shared.abi.is_running(self.shared.handle) }
    }
}

/// What a session remembers and works with.
impl Session {
    /// The model's tokenizer and facts, for any thread, also while a run is under way. The model
    /// stays in memory until this is dropped as well.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without [`Capability::Tokenizer`].
    pub fn model(&self) -> Result<Model, Error> {
        self.shared.abi.require(Capability::Tokenizer)?;
        Ok(Model::new(Arc::clone(&self.shared)))
    }

    /// Forgets the conversation: empties the KV cache, and ends a pause.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without [`Capability::History`], [`Error::Call`] when the runtime
    /// refuses.
    pub fn clear_history(&mut self) -> Result<(), Error> {
        self.shared.clear(false)
    }

    /// Forgets the conversation but for the system prompt.
    ///
    /// # Errors
    /// As [`Session::clear_history`].
    pub fn clear_turns(&mut self) -> Result<(), Error> {
        self.shared.clear(true)
    }

    /// Takes positions out of the KV cache, one range per entry of the batch. Only while a run
    /// without history is paused; the runtime refuses it otherwise.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without [`Capability::Pause`], [`Error::Batch`] for another number of
    /// ranges, [`Error::Call`] when the runtime refuses.
    pub fn clear_range(&mut self, ranges: &[Range<u32>]) -> Result<(), Error> {
        if ranges.len() != self.shared.batch() {
            let batch = u8::try_from(self.shared.batch()).unwrap_or(u8::MAX);
            return Err(Error::Batch { given: ranges.len(), batch });
        }
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive, no run is under way, and the ranges are counted.
        unsafe { self.shared.abi.clear_kv_ranges(self.shared.handle, ranges) }
    }

    /// Tokens in the KV cache of each entry of the batch.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without [`Capability::KvCacheSize`], [`Error::Call`] when the runtime
    /// refuses.
    pub fn kv_cache_sizes(&self) -> Result<Vec<u32>, Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive, no run is under way, and the batch is the session's.
        unsafe { self.shared.abi.kv_cache_sizes(self.shared.handle, self.shared.batch()) }
    }

    /// Replaces the model's chat template: prompts become `system`, `prefix`, the prompt, `postfix`,
    /// put together as they are. Empties the KV cache; the thinking switch and function tools have
    /// no effect any more.
    ///
    /// # Errors
    /// [`Error::Nul`] for a text with U+0000, [`Error::Unsupported`] without
    /// [`Capability::ChatTemplate`], [`Error::Call`] when the runtime refuses.
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

    /// Gives the model functions to call: `tools` is a JSON list as in OpenAI's API, `response` the
    /// mark around results, for example `tool_response`. Replaces the system prompt. Results go back
    /// as a prompt of [`Role::Tool`](crate::Role::Tool).
    ///
    /// # Errors
    /// [`Error::Nul`] for a text with U+0000, [`Error::Unsupported`] without
    /// [`Capability::FunctionTools`], [`Error::Call`] when the runtime refuses, for example because
    /// the model has no template.
    pub fn set_function_tools(
        &mut self,
        system: &str,
        tools: &str,
        response: &str,
    ) -> Result<(), Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.set_function_tools(self.shared.handle, [system, tools, response]) }
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

    /// Loads a prompt cache file, whose beginning of a prompt need not be evaluated again. After an
    /// aborted run the KV cache is emptied first, because loading into what an abort leaves crashes
    /// runtimes (observed by oRKLLM on 1.2.3).
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses, for example a file of another model;
    /// [`Error::Unsupported`] after an abort without [`Capability::History`].
    pub fn load_prompt_cache(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.shared.clear_after_abort()?;
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.load_prompt_cache(self.shared.handle, path.as_ref()) }
    }

    /// Forgets the loaded prompt cache.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses.
    pub fn release_prompt_cache(&mut self) -> Result<(), Error> {
        let _run = self.shared.running.lock();
        // SAFETY: the handle is alive and no run is under way.
        unsafe { self.shared.abi.release_prompt_cache(self.shared.handle) }
    }

    /// States how wide the model's embedding vectors are, for runtimes that do not tell.
    ///
    /// # Safety
    /// The number is right: runtimes read that many numbers per token, and a wrong width is an
    /// access beyond the end (observed by RKLLM-API-Server).
    pub unsafe fn assume_embedding_width(&mut self, width: usize) {
        self.shared.set_width(width);
    }

    /// Gives the model an encoder's states to attend to. The session keeps them.
    ///
    /// # Safety
    /// All arrays are as long as the model reads for this number of tokens; neither this crate nor
    /// the runtime can check it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without [`Capability::CrossAttention`], [`Error::Call`] when the
    /// runtime refuses.
    pub unsafe fn set_cross_attention(&mut self, states: CrossAttention) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { self.shared.set_cross_attention(states) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A run is under way only if a `Generation` was leaked; its thread holds `shared`.
        while self.shared.running.try_lock_for(Duration::from_millis(10)).is_none() {
            self.shared.live.abort();
        }
    }
}
