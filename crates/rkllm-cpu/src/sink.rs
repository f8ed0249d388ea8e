//! The caller's result callback.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use rkllm_sys::v1_3::{
    LLMCallState, RKLLM_RUN_ERROR, RKLLM_RUN_FINISH, RKLLM_RUN_NORMAL, RKLLM_RUN_WAITING,
    RKLLMPerfStat, RKLLMResult, RKLLMResultLastHiddenLayer, RKLLMResultLogits,
};

use crate::llama::Token;
use crate::token_text::Added;

/// A result callback that is there.
pub(crate) type ResultCallback =
    unsafe extern "C" fn(*mut RKLLMResult, *mut c_void, LLMCallState) -> c_int;

/// The value by which a callback pauses the run. Every other value goes on.
const PAUSE: c_int = 1;

/// What the callback wants after a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    GoOn,
    Pause,
}

/// Where the results of one run go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sink {
    callback: ResultCallback,
    userdata: *mut c_void,
}

// SAFETY: the runtime never reads `userdata`; it hands it to the callback, whose author knows
// that `rkllm_run_async` calls it from another thread.
unsafe impl Send for Sink {}
// SAFETY: as above; a `Sink` does not change.
unsafe impl Sync for Sink {}

impl Sink {
    pub(crate) fn new(callback: ResultCallback, userdata: *mut c_void) -> Self {
        Self { callback, userdata }
    }

    /// The same callback with another pointer for it.
    pub(crate) fn with_userdata(self, userdata: *mut c_void) -> Self {
        Self { userdata, ..self }
    }

    /// Delivers a token.
    pub(crate) fn token(&self, token: Token, added: &Added<'_>) -> Wish {
        let (text, state) = match added {
            Added::Text(text) => (*text, RKLLM_RUN_NORMAL),
            Added::Waiting => (c"", RKLLM_RUN_WAITING),
        };
        if self.call((text, token), NO_PERF, state) == PAUSE { Wish::Pause } else { Wish::GoOn }
    }

    /// Delivers the end of a run.
    pub(crate) fn finish(&self, rest: &CStr, perf: RKLLMPerfStat) {
        self.call((rest, NO_TOKEN), perf, RKLLM_RUN_FINISH);
    }

    /// Tells that a run failed after it had begun.
    pub(crate) fn fail(&self) {
        self.call((c"", NO_TOKEN), NO_PERF, RKLLM_RUN_ERROR);
    }

    fn call(
        &self,
        (text, token): (&CStr, Token),
        perf: RKLLMPerfStat,
        state: LLMCallState,
    ) -> c_int {
        let mut result = RKLLMResult {
            text: text.as_ptr(),
            token_id: token,
            last_hidden_layer: RKLLMResultLastHiddenLayer {
                hidden_states: ptr::null(),
                embd_size: 0,
                num_tokens: 0,
            },
            logits: RKLLMResultLogits { logits: ptr::null(), vocab_size: 0, num_tokens: 0 },
            perf,
        };
        // SAFETY: the callback has the type that the ABI asks for, and the result with all it
        // points to lives until the callback returns, as the ABI promises.
        unsafe { (self.callback)(&raw mut result, self.userdata, state) }
    }
}

const NO_TOKEN: Token = -1;

const NO_PERF: RKLLMPerfStat = RKLLMPerfStat {
    prefill_time_ms: 0.0,
    prefill_tokens: 0,
    generate_time_ms: 0.0,
    generate_tokens: 0,
    memory_usage_mb: 0.0,
};
