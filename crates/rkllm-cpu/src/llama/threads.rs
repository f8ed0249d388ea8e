//! Threads that stay alive between computations.

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

/// How long idle workers spin before they sleep, as llama.cpp counts it (0 to 100).
///
/// A few milliseconds: enough to be awake for the next token, too little to burn a core that
/// others need after a run. llama.cpp's own 50 spins on for some tenths of a second.
const POLL: u32 = 1;

/// A pool of compute threads; the thread that asks for a computation is one of them.
#[derive(Debug)]
pub(super) struct Threads(NonNull<sys::ggml_threadpool>);

// SAFETY: a pool is a heap object guarded by its own locks and bound to no thread.
unsafe impl Send for Threads {}

impl Threads {
    /// `None` if one thread suffices or the system gives no more.
    pub(super) fn new(count: i32) -> Option<Self> {
        if count < 2 {
            return None;
        }
        // SAFETY: the parameters are read during the call only.
        let pool = unsafe {
            let mut params = sys::ggml_threadpool_params_default(count);
            params.poll = POLL;
            sys::ggml_threadpool_new(&raw mut params)
        };
        NonNull::new(pool).map(Self)
    }

    pub(super) fn as_ptr(&self) -> *mut sys::ggml_threadpool {
        self.0.as_ptr()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // SAFETY: made by `ggml_threadpool_new`; `Context` drops its pools after the context.
        unsafe { sys::ggml_threadpool_free(self.0.as_ptr()) };
    }
}
