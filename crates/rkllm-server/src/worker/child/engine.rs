//! The thread that owns the loaded model and runs one task after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use rkllm::Session;

use super::control::{Current, Order};
use super::load::load;
use super::outbox::Outbox;
use super::prompt::Task;
use super::run;
use crate::worker::protocol::FromChild;
use crate::worker::spec::ModelSpec;

/// Loads the model and runs what is ordered, until told to stop; then the model is unloaded.
pub(super) fn serve(spec: ModelSpec, orders: &Receiver<Order>, outbox: &Outbox, current: &Current) {
    match load(spec) {
        Ok((session, loaded)) => {
            let loaded = Arc::new(loaded);
            let facts = Box::new(loaded.facts.clone());
            // Nobody else sets it.
            let _ = current.loaded.set(loaded);
            outbox.send(&FromChild::Loaded(facts));
            obey(session, orders, outbox, current);
        }
        Err(error) => {
            outbox.send(&FromChild::LoadFailed(error.to_string()));
            while let Ok(Order::Run { .. }) = orders.recv() {}
        }
    }
}

fn obey(mut session: Session, orders: &Receiver<Order>, outbox: &Outbox, current: &Current) {
    while let Ok(Order::Run { id, task, cancelled }) = orders.recv() {
        *current.running.lock() = Some((id, session.aborter()));
        // What was cancelled before this point was not running yet, so nobody aborted it; what is
        // cancelled from here on is aborted, or notices by itself.
        let gone = || cancelled.load(Ordering::Relaxed);
        match task {
            Task::Answer(prepared) => run::answer(&mut session, id, *prepared, (outbox, &gone)),
        }
        *current.running.lock() = None;
    }
}
