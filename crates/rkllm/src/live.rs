//! The part of a session that outlives it: what another thread may touch at any time.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::abi::Abi;

/// Shared by a session and its aborters.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// The run under way. Present only while the handle is inside `rkllm_run`.
    run: Mutex<Option<RunningHandle>>,
    /// Runs so far: a number for each, so that a late abort does not hit the next one.
    runs: AtomicU64,
    /// Whether the run under way shall end. Read by the callback without taking the lock.
    stop: AtomicBool,
}

#[derive(Debug)]
struct RunningHandle {
    abi: Arc<Abi>,
    handle: NonNull<c_void>,
    number: u64,
}

// SAFETY: the handle is used for `rkllm_abort` alone, which may be called from any thread while
// `rkllm_run` blocks another (vendor's word in rknn-llm issue 382).
unsafe impl Send for RunningHandle {}

impl Live {
    /// Marks the start of a run; the mark goes when the guard is dropped.
    pub(crate) fn enter(&self, abi: &Arc<Abi>, handle: NonNull<c_void>) -> RunGuard<'_> {
        let mut run = self.run.lock();
        self.stop.store(false, Ordering::Relaxed);
        let number = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        *run = Some(RunningHandle { abi: Arc::clone(abi), handle, number });
        RunGuard(self)
    }

    /// Whether the run under way was told to end.
    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Marks the run under way as one that shall end, before it is told. Returns its number.
    pub(crate) fn stop(&self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.runs.load(Ordering::Relaxed)
    }

    /// Tells the run under way to end. Returns whether there was one.
    pub(crate) fn abort(&self) -> bool {
        self.abort_if(|_| true)
    }

    /// Tells a certain run to end, if it is still under way.
    pub(crate) fn abort_run(&self, number: u64) {
        self.abort_if(|running| running == number);
    }

    fn abort_if(&self, which: impl Fn(u64) -> bool) -> bool {
        let run = self.run.lock();
        let Some(running) = run.as_ref().filter(|running| which(running.number)) else {
            return false;
        };
        self.stop();
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
