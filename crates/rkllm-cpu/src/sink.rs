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

/// Numbers for each position of an input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'r> {
    Hidden { numbers: &'r [f32], width: usize },
    Logits { numbers: &'r [f32], width: usize },
}

/// Where the results of one run go: one result for each of its inputs, in a row.
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

    /// Delivers a token for each input; `None` for inputs that have ended.
    pub(crate) fn tokens(&self, tokens: &[Option<(Token, Added<'_>)>]) -> Wish {
        let waiting = tokens.iter().flatten().all(|(_, added)| *added == Added::Waiting);
        let result = |entry: &Option<(Token, Added<'_>)>| match entry {
            Some((token, Added::Text(text))) => result(text, *token),
            Some((token, Added::Waiting)) => result(c"", *token),
            None => result(c"", NO_TOKEN),
        };
        let state = if waiting { RKLLM_RUN_WAITING } else { RKLLM_RUN_NORMAL };
        self.call(tokens.iter().map(result).collect(), state)
    }

    /// Delivers numbers for each input.
    pub(crate) fn rows(&self, rows: &[Rows<'_>]) -> Wish {
        self.call(rows.iter().map(rows_result).collect(), RKLLM_RUN_NORMAL)
    }

    /// Delivers the end of a run, with what is left of the text of each input.
    pub(crate) fn finish(&self, rests: &[&CStr], perf: RKLLMPerfStat) {
        let result = |rest: &&CStr| RKLLMResult { perf, ..result(rest, NO_TOKEN) };
        self.call(rests.iter().map(result).collect(), RKLLM_RUN_FINISH);
    }

    /// Tells that a run with so many inputs failed after it had begun.
    pub(crate) fn fail(&self, inputs: usize) {
        self.call(vec![result(c"", NO_TOKEN); inputs], RKLLM_RUN_ERROR);
    }

    fn call(&self, mut results: Vec<RKLLMResult>, state: LLMCallState) -> Wish {
        // SAFETY: the callback has the type that the ABI asks for, and the results with all they
        // point to live until the callback returns, as the ABI promises.
        let code = unsafe { (self.callback)(results.as_mut_ptr(), self.userdata, state) };
        if code == PAUSE { Wish::Pause } else { Wish::GoOn }
    }
}

fn result(text: &CStr, token: Token) -> RKLLMResult {
    RKLLMResult {
        text: text.as_ptr(),
        token_id: token,
        last_hidden_layer: RKLLMResultLastHiddenLayer {
            hidden_states: ptr::null(),
            embd_size: 0,
            num_tokens: 0,
        },
        logits: RKLLMResultLogits { logits: ptr::null(), vocab_size: 0, num_tokens: 0 },
        perf: NO_PERF,
    }
}

fn rows_result(rows: &Rows<'_>) -> RKLLMResult {
    let none = result(c"", NO_TOKEN);
    let size = |numbers: &[f32], width: usize| (count(width), count(numbers.len() / width));
    match *rows {
        Rows::Hidden { numbers, width } => {
            let (embd_size, num_tokens) = size(numbers, width);
            let hidden_states = numbers.as_ptr();
            let rows = RKLLMResultLastHiddenLayer { hidden_states, embd_size, num_tokens };
            RKLLMResult { last_hidden_layer: rows, ..none }
        }
        Rows::Logits { numbers, width } => {
            let (vocab_size, num_tokens) = size(numbers, width);
            let rows = RKLLMResultLogits { logits: numbers.as_ptr(), vocab_size, num_tokens };
            RKLLMResult { logits: rows, ..none }
        }
    }
}

fn count(number: usize) -> c_int {
    c_int::try_from(number).unwrap_or(c_int::MAX)
}

const NO_TOKEN: Token = -1;

const NO_PERF: RKLLMPerfStat = RKLLMPerfStat {
    prefill_time_ms: 0.0,
    prefill_tokens: 0,
    generate_time_ms: 0.0,
    generate_tokens: 0,
    memory_usage_mb: 0.0,
};
