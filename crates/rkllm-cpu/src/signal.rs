//! Whether a run is active on a handle, and whether it should stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use parking_lot::{Condvar, Mutex};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// A run is active; the thread is known once it works.
    Running(Option<ThreadId>),
    /// The handle is destroyed: no run may begin.
    Closed,
}

/// The one run that a handle may have, and the wish to end it.
///
/// An abort is tied to the run that is active when it comes: it can neither be lost at the
/// start of that run nor stay behind for the next one.
#[derive(Debug)]
pub(crate) struct Signal {
    state: Mutex<State>,
    ended: Condvar,
    /// Read between the operations of a computation, where a lock would cost too much.
    aborting: AtomicBool,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State::Idle),
            ended: Condvar::new(),
            aborting: AtomicBool::new(false),
        }
    }

    /// Claims the run; `false` if one is active or the handle is destroyed.
    pub(crate) fn begin(&self) -> bool {
        let mut state = self.state.lock();
        let idle = *state == State::Idle;
        if idle {
            self.aborting.store(false, Ordering::Relaxed);
            *state = State::Running(None);
        }
        idle
    }

    /// Notes that the claimed run works, and calls back, on this thread.
    pub(crate) fn work_here(&self) {
        let mut state = self.state.lock();
        if matches!(*state, State::Running(_)) {
            *state = State::Running(Some(thread::current().id()));
        }
    }

    /// Ends the run.
    pub(crate) fn end(&self) {
        *self.state.lock() = State::Idle;
        self.ended.notify_all();
    }

    /// Asks the active run to stop; `false` if none is active.
    pub(crate) fn abort(&self) -> bool {
        let state = self.state.lock();
        let running = matches!(*state, State::Running(_));
        if running {
            self.aborting.store(true, Ordering::Relaxed);
        }
        running
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(*self.state.lock(), State::Running(_))
    }

    pub(crate) fn is_aborting(&self) -> bool {
        self.aborting.load(Ordering::Relaxed)
    }

    /// Stops the active run, waits for its end and lets no other begin.
    ///
    /// `false` if this is the thread of the run, which would wait for itself, or if the
    /// handle is closed already.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            match *state {
                State::Idle => {
                    *state = State::Closed;
                    return true;
                }
                State::Closed => return false,
                State::Running(Some(worker)) if worker == thread::current().id() => return false,
                State::Running(_) => {
                    self.aborting.store(true, Ordering::Relaxed);
                    self.ended.wait(&mut state);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn one_run_at_a_time() {
        let signal = Signal::new();
        assert!(signal.begin());
        assert!(!signal.begin());
        signal.end();
        assert!(signal.begin());
    }

    #[test]
    fn an_abort_ends_with_its_run() {
        let signal = Signal::new();
        assert!(!signal.abort(), "nothing to abort");
        assert!(signal.begin());
        assert!(!signal.is_aborting(), "an abort before the run has no effect on it");
        assert!(signal.abort() && signal.abort(), "twice is once");
        assert!(signal.is_aborting() && signal.is_running());
        signal.end();
        assert!(signal.begin() && !signal.is_aborting());
    }

    #[test]
    fn closing_stops_the_run_and_waits_for_it() {
        let signal = Arc::new(Signal::new());
        assert!(signal.begin());
        let run = thread::spawn({
            let signal = Arc::clone(&signal);
            move || {
                signal.work_here();
                while !signal.is_aborting() {
                    thread::yield_now();
                }
                signal.end();
            }
        });
        assert!(signal.close());
        assert!(!signal.begin() && !signal.is_running());
        assert!(!signal.close(), "closed once");
        run.join().expect("the run ends");
    }

    #[test]
    fn a_run_cannot_close_itself() {
        let signal = Signal::new();
        assert!(signal.begin());
        signal.work_here();
        assert!(!signal.close());
        signal.end();
        assert!(signal.close());
    }
}
