//! The part of a session that outlives it: what another thread may touch at any time.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::abi::Abi;

/// Shared by a session and its aborters.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// The run under way. Present only while the handle is inside `rkllm_run`.
    run: Mutex<Option<RunningHandle>>,
    /// Whether the run under way shall end. Read by the callback without taking the lock.
    stop: AtomicBool,
}

#[derive(Debug)]
struct RunningHandle {
    abi: Arc<Abi>,
    handle: NonNull<c_void>,
}

// SAFETY: the handle is used for `rkllm_abort` alone, which may be called from any thread while
// `rkllm_run` blocks another (vendor's word in rknn-llm issue 382).
unsafe impl Send for RunningHandle {}

impl Live {
    /// Marks the start of a run; the mark goes when the guard is dropped.
    pub(crate) fn enter(&self, abi: &Arc<Abi>, handle: NonNull<c_void>) -> RunGuard<'_> {
        let mut run = self.run.lock();
        self.stop.store(false, Ordering::Relaxed);
        *run = Some(RunningHandle { abi: Arc::clone(abi), handle });
        RunGuard(self)
    }

    /// Whether the run under way was told to end.
    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Tells the run under way to end. Returns whether there was one.
    pub(crate) fn abort(&self) -> bool {
        let run = self.run.lock();
        let Some(running) = run.as_ref() else {
            return false;
        };
        self.stop.store(true, Ordering::Relaxed);
        // SAFETY: the handle is alive: `RunGuard` empties `run` under this lock before the run
        // returns, and only then can the session destroy the handle. A refusal is no harm: the
        // callback sees `stop` and asks again.
        unsafe { running.abi.abort(running.handle) };
        true
    }
}

/// The mark of a run under way.
pub(crate) struct RunGuard<'a>(&'a Live);

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        *self.0.run.lock() = None;
    }
}

/// Ends the run under way on a session, from any thread.
///
/// Stays valid after the session is gone: aborting nothing does nothing.
///
/// ```
/// const _: () = { const fn shared<T: Send + Sync + Clone>() {} shared::<rkllm::Aborter>() };
/// ```
#[derive(Clone, Debug)]
pub struct Aborter(pub(crate) Arc<Live>);

impl Aborter {
    /// Asks the run under way to end and returns at once; `false` when there was none.
    ///
    /// The run ends at its next token; on vendor runtimes a prompt under evaluation is finished
    /// first (observed: rknn-llm issue 400). Tokens that still arrive are not delivered.
    pub fn abort(&self) -> bool {
        self.0.abort()
    }
}
