//! A context: the KV cache of one model, and the computation over it.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use super::threads::Threads;
use super::{Adapter, Batch, Model};
use crate::options::ThreadCounts;
use crate::signal::Signal;

/// Positions that one call evaluates at most; also llama.cpp's own default.
pub(crate) const BATCH: usize = 512;

/// From this many positions on, all threads are worth their waiting for each other.
///
/// They wait by spinning, at every operation: beside a busy process a short prompt takes many
/// times as long on all cores as on all but one.
const LONG: usize = 64;

/// Why a decode did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// The signal asked to stop.
    Aborted,
    /// llama.cpp's status.
    Failed(i32),
    /// llama.cpp gave no output for a position.
    NoOutput,
    /// The caller's lookup of embeddings returned this code.
    Embedder(i32),
}

/// What a context is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContextOptions {
    /// Positions in the KV cache for each sequence.
    pub(crate) positions: u32,
    /// Sequences in the KV cache.
    pub(crate) sequences: u32,
    pub(crate) threads: ThreadCounts,
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
    embedding_size: usize,
    threads: ThreadCounts,
}

// SAFETY: a context is bound to no thread; all use of it goes through `&mut`.
unsafe impl Send for Context {}

impl Context {
    /// Makes the one context of `model`; `None` if llama.cpp refuses (its log says why).
    ///
    /// A decode stops soon after `signal` asks for it.
    pub(crate) fn new(model: Model, options: ContextOptions, signal: Arc<Signal>) -> Option<Self> {
        let threads = options.threads;
        // SAFETY: the model is valid and, being owned here, used by nobody else. The signal
        // outlives the context, which holds an `Arc` of it, and `stop` only reads it.
        let context = NonNull::new(unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = options.positions * options.sequences;
            params.n_seq_max = options.sequences;
            params.n_batch = (BATCH as u32).min(params.n_ctx);
            params.n_ubatch = params.n_batch;
            params.n_threads = threads.decode;
            params.n_threads_batch = threads.prefill;
            params.pooling_type = sys::LLAMA_POOLING_TYPE_NONE;
            params.no_perf = true;
            params.abort_callback = Some(stop);
            params.abort_callback_data = Arc::as_ptr(&signal).cast_mut().cast::<c_void>();
            sys::llama_init_from_model(model.as_ptr(), params)
        })?;
        let decode_threads = Threads::new(threads.decode);
        let prefill_threads =
            (threads.prefill != threads.decode).then(|| Threads::new(threads.prefill)).flatten();
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
        let embedding_size = usize::try_from(model.embedding_size()).ok()?;
        Some(Self {
            context,
            _decode_threads: decode_threads,
            _prefill_threads: prefill_threads,
            _signal: signal,
            model: Arc::new(model),
            vocab_size,
            embedding_size,
            threads,
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

    /// Evaluates at most [`BATCH`] positions.
    ///
    /// After an error the cache holds what was complete before: see [`Self::positions`].
    pub(crate) fn decode(&mut self, batch: &mut Batch) -> Result<(), DecodeError> {
        let ThreadCounts { decode, prefill } = self.threads;
        let threads = if batch.len() < LONG { decode } else { prefill };
        // SAFETY: the context is valid, and `batch` stays as it is during the call.
        let status = unsafe {
            sys::llama_set_n_threads(self.context.as_ptr(), decode, threads);
            sys::llama_decode(self.context.as_ptr(), batch.lend())
        };
        match status {
            0 => Ok(()),
            2 => Err(DecodeError::Aborted),
            other => Err(DecodeError::Failed(other)),
        }
    }

    /// The logits of a position of the last batch, one per token of the vocabulary; -1 is the
    /// last position.
    ///
    /// `None` if nothing was evaluated since the context was made, or the position has no output.
    pub(crate) fn logits(&mut self, position: i32) -> Option<&mut [f32]> {
        // SAFETY: the context is valid. A non-null row has one number per vocabulary entry and
        // stays until the next decode, which needs the `&mut` that the slice holds.
        unsafe {
            let row = sys::llama_get_logits_ith(self.context.as_ptr(), position);
            (!row.is_null()).then(|| std::slice::from_raw_parts_mut(row, self.vocab_size))
        }
    }

    /// Makes every position of the next batches give its hidden state, or no longer.
    pub(crate) fn set_hidden(&mut self, hidden: bool) {
        // SAFETY: the context is valid.
        unsafe { sys::llama_set_embeddings(self.context.as_ptr(), hidden) };
    }

    /// The hidden state of a position of the last batch, if [`Self::set_hidden`] asked for it.
    pub(crate) fn hidden(&mut self, position: i32) -> Option<&[f32]> {
        // SAFETY: the context is valid. A non-null row has the model's width and stays until the
        // next decode, which needs the `&mut` that the slice holds.
        unsafe {
            let row = sys::llama_get_embeddings_ith(self.context.as_ptr(), position);
            (!row.is_null()).then(|| std::slice::from_raw_parts(row, self.embedding_size))
        }
    }

    /// Loads an adapter for the model; `None` if llama.cpp refuses it (its log says why).
    pub(crate) fn load_adapter(&mut self, path: &CStr) -> Option<Adapter> {
        // SAFETY: the model is valid. It notes its adapters, which nothing reads but this function
        // and the model's end: a model has one context, borrowed here as `&mut`.
        unsafe { Adapter::load(self.model.as_ptr(), path) }
    }

    /// Adds an adapter, times `scale`, to the model's weights, or none.
    pub(crate) fn set_adapter(&mut self, adapter: Option<(Adapter, f32)>) {
        let (mut pointers, mut scales) = (Vec::new(), Vec::new());
        if let Some((adapter, scale)) = adapter {
            pointers.push(adapter.as_ptr());
            scales.push(scale);
        }
        let count = pointers.len();
        // SAFETY: the context is valid, and so are the adapters, which live as long as the model.
        unsafe {
            let context = self.context.as_ptr();
            sys::llama_set_adapters_lora(
                context,
                pointers.as_mut_ptr(),
                count,
                scales.as_mut_ptr(),
            );
        }
    }

    /// The state of a sequence in the cache as bytes; `None` if llama.cpp has no such bytes.
    pub(crate) fn state(&mut self, sequence: usize) -> Option<Vec<u8>> {
        let context = self.context.as_ptr();
        // SAFETY: the context is valid, and the buffer has the size passed.
        unsafe {
            let mut state = vec![0; sys::llama_state_seq_get_size(context, id(sequence))];
            let (room, size) = (state.as_mut_ptr(), state.len());
            let written = sys::llama_state_seq_get_data(context, room, size, id(sequence));
            (written == size && size > 0).then_some(state)
        }
    }

    /// Replaces the state of a sequence; `false`, with the sequence empty, if llama.cpp refuses.
    pub(crate) fn set_state(&mut self, sequence: usize, state: &[u8]) -> bool {
        // SAFETY: the context is valid, and the bytes have the size passed. llama.cpp checks what
        // they say against its own cache.
        let read = unsafe {
            let (context, size) = (self.context.as_ptr(), state.len());
            sys::llama_state_seq_set_data(context, state.as_ptr(), size, id(sequence))
        };
        if read == 0 {
            self.clear(sequence);
        }
        read > 0
    }

    /// Positions of a sequence in the cache.
    pub(crate) fn positions(&self, sequence: usize) -> usize {
        // SAFETY: the memory is valid. The last position is -1 if the cache is empty.
        let last = unsafe { sys::llama_memory_seq_pos_max(self.memory(), id(sequence)) };
        usize::try_from(last + 1).unwrap_or(0)
    }

    /// Whether positions can move forward when earlier ones are removed.
    pub(crate) fn can_shift(&self) -> bool {
        // SAFETY: the memory is valid.
        unsafe { sys::llama_memory_can_shift(self.memory()) }
    }

    /// Empties a sequence.
    pub(crate) fn clear(&mut self, sequence: usize) {
        // SAFETY: the memory is valid; a whole sequence can always be removed.
        unsafe { sys::llama_memory_seq_rm(self.memory(), id(sequence), -1, -1) };
    }

    /// Removes the positions `start..end` of a sequence and moves later ones forward.
    ///
    /// `false`, with the cache unchanged, if this kind of model cannot.
    pub(crate) fn remove(&mut self, sequence: usize, (start, end): (usize, usize)) -> bool {
        let positions = self.positions(sequence);
        let (Ok(from), Ok(to)) = (i32::try_from(start), i32::try_from(end)) else {
            return false;
        };
        let moves = end < positions;
        if moves && !self.can_shift() {
            return false;
        }
        // SAFETY: the memory is valid; the positions lie within it or past its end, which
        // llama.cpp accepts.
        unsafe {
            let to = if moves { to } else { -1 };
            if !sys::llama_memory_seq_rm(self.memory(), id(sequence), from, to) {
                return false;
            }
            if moves {
                sys::llama_memory_seq_add(self.memory(), id(sequence), to, -1, from - to);
            }
        }
        true
    }
}

/// A sequence as llama.cpp names it. There are 100 at most.
fn id(sequence: usize) -> sys::llama_seq_id {
    sys::llama_seq_id::try_from(sequence).unwrap_or(0)
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
