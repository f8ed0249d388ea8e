//! A context: the KV cache of one model, and the computation over it.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use super::threads::Threads;
use super::{Model, Token};
use crate::signal::Signal;

/// The one sequence that a context holds.
const SEQUENCE: sys::llama_seq_id = 0;

/// Prompt tokens that one call evaluates at most; also llama.cpp's own default.
const BATCH: u32 = 512;

/// Why a decode did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// The signal asked to stop.
    Aborted,
    /// llama.cpp's status.
    Failed(i32),
}

/// What a context is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContextOptions {
    /// Positions in the KV cache.
    pub(crate) positions: u32,
    /// Threads that compute one token at a time.
    pub(crate) decode_threads: i32,
    /// Threads that compute many tokens at once.
    pub(crate) prefill_threads: i32,
}

/// The KV cache and buffers of one model.
///
/// Field order is drop order: the context goes in `Drop`, then what it pointed to.
#[derive(Debug)]
pub(crate) struct Context {
    context: NonNull<sys::llama_context>,
    _decode_threads: Option<Threads>,
    _prefill_threads: Option<Threads>,
    _signal: Arc<Signal>,
    model: Arc<Model>,
    vocab_size: usize,
}

// SAFETY: a context is bound to no thread; all use of it goes through `&mut`.
unsafe impl Send for Context {}

impl Context {
    /// Makes the one context of `model`; `None` if llama.cpp refuses (its log says why).
    ///
    /// A decode stops soon after `signal` asks for it.
    pub(crate) fn new(
        mut model: Model,
        options: ContextOptions,
        signal: Arc<Signal>,
    ) -> Option<Self> {
        // SAFETY: the model is valid and, being owned here, used by nobody else. The signal
        // outlives the context, which holds an `Arc` of it, and `stop` only reads it.
        let context = NonNull::new(unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = options.positions;
            params.n_batch = BATCH.min(options.positions);
            params.n_ubatch = params.n_batch;
            params.n_threads = options.decode_threads;
            params.n_threads_batch = options.prefill_threads;
            params.no_perf = true;
            params.abort_callback = Some(stop);
            params.abort_callback_data = Arc::as_ptr(&signal).cast_mut().cast::<c_void>();
            sys::llama_init_from_model(model.as_mut_ptr(), params)
        })?;
        let decode_threads = Threads::new(options.decode_threads);
        let prefill_threads = (options.prefill_threads != options.decode_threads)
            .then(|| Threads::new(options.prefill_threads))
            .flatten();
        let pointer = |threads: &Option<Threads>| {
            threads.as_ref().map_or(std::ptr::null_mut(), Threads::as_ptr)
        };
        // SAFETY: both pools are kept by the value made below, and dropped after the context.
        unsafe {
            sys::llama_attach_threadpool(
                context.as_ptr(),
                pointer(&decode_threads),
                pointer(&prefill_threads),
            );
        }
        let vocab_size = usize::try_from(model.vocab_size()).ok()?;
        Some(Self {
            context,
            _decode_threads: decode_threads,
            _prefill_threads: prefill_threads,
            _signal: signal,
            model: Arc::new(model),
            vocab_size,
        })
    }

    pub(crate) fn model(&self) -> &Arc<Model> {
        &self.model
    }

    pub(super) fn as_ptr(&mut self) -> *mut sys::llama_context {
        self.context.as_ptr()
    }

    fn memory(&self) -> sys::llama_memory_t {
        // SAFETY: the context is valid; its memory lives as long as it does.
        unsafe { sys::llama_get_memory(self.context.as_ptr()) }
    }

    /// Whether there is a KV cache: models that only embed text have none.
    pub(crate) fn has_cache(&self) -> bool {
        !self.memory().is_null()
    }

    /// Evaluates tokens at the positions after those in the cache, some hundred at a time.
    ///
    /// After an error the cache holds what was complete before: see [`Self::positions`].
    pub(crate) fn decode(&mut self, tokens: &[Token]) -> Result<(), DecodeError> {
        for part in tokens.chunks(BATCH as usize) {
            let count = i32::try_from(part.len()).map_err(|_| DecodeError::Failed(-1))?;
            // SAFETY: the context is valid. The batch borrows `part` during this call, and
            // llama.cpp only reads it, although its type says otherwise.
            let status = unsafe {
                let batch = sys::llama_batch_get_one(part.as_ptr().cast_mut(), count);
                sys::llama_decode(self.context.as_ptr(), batch)
            };
            match status {
                0 => {}
                2 => return Err(DecodeError::Aborted),
                other => return Err(DecodeError::Failed(other)),
            }
        }
        Ok(())
    }

    /// The logits of the last evaluated position, one per token of the vocabulary.
    ///
    /// `None` if nothing was evaluated since the context was made.
    pub(crate) fn logits(&mut self) -> Option<&mut [f32]> {
        // SAFETY: the context is valid. A non-null row has one number per vocabulary entry and
        // stays until the next decode, which needs the `&mut` that the slice holds.
        unsafe {
            let row = sys::llama_get_logits_ith(self.context.as_ptr(), -1);
            (!row.is_null()).then(|| std::slice::from_raw_parts_mut(row, self.vocab_size))
        }
    }

    /// Positions in the cache.
    pub(crate) fn positions(&self) -> usize {
        // SAFETY: the memory is valid. The last position is -1 if the cache is empty.
        let last = unsafe { sys::llama_memory_seq_pos_max(self.memory(), SEQUENCE) };
        usize::try_from(last + 1).unwrap_or(0)
    }

    /// Empties the cache.
    pub(crate) fn clear(&mut self) {
        // SAFETY: the memory is valid.
        unsafe { sys::llama_memory_clear(self.memory(), true) };
    }

    /// Removes the positions `start..end` and moves later ones forward.
    ///
    /// `false`, with the cache unchanged, if this kind of model cannot.
    pub(crate) fn remove(&mut self, start: usize, end: usize) -> bool {
        let positions = self.positions();
        let (Ok(from), Ok(to)) = (i32::try_from(start), i32::try_from(end)) else {
            return false;
        };
        let moves = end < positions;
        // SAFETY: the memory is valid; the positions lie within it or past its end, which
        // llama.cpp accepts.
        unsafe {
            if moves && !sys::llama_memory_can_shift(self.memory()) {
                return false;
            }
            let to = if moves { to } else { -1 };
            if !sys::llama_memory_seq_rm(self.memory(), SEQUENCE, from, to) {
                return false;
            }
            if moves {
                sys::llama_memory_seq_add(self.memory(), SEQUENCE, to, -1, from - to);
            }
        }
        true
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `llama_init_from_model`, freed once, and before its threads, its
        // signal and its model, which are dropped after this.
        unsafe { sys::llama_free(self.context.as_ptr()) };
    }
}

/// Tells llama.cpp, between two operations of a computation, whether to give up.
unsafe extern "C" fn stop(signal: *mut c_void) -> bool {
    // SAFETY: `Context::new` passed a pointer to the signal that the context keeps alive.
    unsafe { &*signal.cast::<Signal>() }.is_aborting()
}
