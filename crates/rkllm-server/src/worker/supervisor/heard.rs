//! What the child says.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Child, Death, Supervisor};
use crate::error::Error;
use crate::generate::Event;
use crate::worker::protocol::{FromChild, Id, PROTOCOL};
use crate::worker::{Facts, Status, Update};

impl Supervisor {
    /// Takes everything that was heard.
    pub(super) async fn listen(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
        loop {
            let message = match &mut self.child {
                Child::Loading(process) | Child::Ready(process) | Child::Stopping(process, _) => {
                    process.message()
                }
                Child::Held | Child::Absent | Child::Due(_) => return,
            };
            match message {
                Ok(Some(message)) => self.take(message).await,
                Ok(None) => return,
                Err(error) => return self.bury(Death::Hung(format!("it sent {error}"))).await,
            }
        }
    }

    async fn take(&mut self, message: FromChild) {
        match message {
            FromChild::Hello { protocol: PROTOCOL } | FromChild::Pong => {}
            FromChild::Hello { .. } => {
                let what = "the program's file was replaced by another version; restart the server";
                self.bury(Death::Hung(what.to_owned())).await;
            }
            FromChild::Loaded(facts) => self.loaded(*facts),
            FromChild::LoadFailed(reason) => {
                // What it was told to load does not change by itself.
                self.stop(Instant::now());
                self.give_up(reason);
            }
            FromChild::Prepared { id, prepared } => {
                self.prepared = self.heard;
                if let Some(entry) = self.line.get(id) {
                    if let Some(reply) = entry.reply.take() {
                        // A client that left says so itself.
                        let _ = reply.send(Ok(prepared.clone()));
                    }
                    entry.prepared = Some(prepared);
                }
            }
            FromChild::Refused { id, error } => {
                self.prepared = self.heard;
                self.fail(id, error);
            }
            FromChild::Event { id, event } => self.event(id, event),
            FromChild::Alive { id } => {
                if let Some(run) = self.line.get(id).and_then(|entry| entry.run.as_mut()) {
                    run.last = Instant::now();
                    run.begun = true;
                }
            }
            FromChild::Output { id, output } => {
                self.prepared = self.heard;
                if let Some(mut entry) = self.finish(id) {
                    if let Some(reply) = entry.reply.take() {
                        let _ = reply.send(Ok(entry.prepared.take().unwrap_or_default()));
                    }
                    let _ = entry.updates.send(Update::Output(output));
                }
            }
            FromChild::Note(note) => tracing::debug!(model = self.spec.name, "{note}"),
        }
    }

    fn loaded(&mut self, facts: Facts) {
        self.child = match std::mem::replace(&mut self.child, Child::Absent) {
            Child::Loading(process) => Child::Ready(process),
            // It was told to stop before it could know.
            other => {
                self.child = other;
                return;
            }
        };
        self.load.1 = self.load.0.elapsed();
        tracing::info!(model = self.spec.name, took = ?self.load.1, "loaded");
        // It is idle from now on, not since it was asked for.
        self.activity.lock().since = Instant::now();
        self.status.send_replace(Status::Ready(Arc::new(facts)));
    }

    /// Something happened to the request that runs.
    fn event(&mut self, id: Id, event: Event) {
        let now = Instant::now();
        let load = self.load;
        let Some(entry) = self.line.get(id) else {
            return;
        };
        let Some(run) = &mut entry.run else {
            return;
        };
        run.last = now;
        let since = run.since;
        match event {
            Event::Started if entry.started => {}
            Event::Started => {
                entry.started = true;
                let _ = entry.updates.send(Update::Event(Event::Started));
            }
            Event::Done(mut done) => {
                done.timings.queue = since.duration_since(entry.entered);
                if entry.entered < load.0 + load.1 {
                    let waited = (load.0 + load.1).duration_since(entry.entered.max(load.0));
                    done.timings.load = waited;
                    done.timings.queue = done.timings.queue.saturating_sub(waited);
                }
                if let Some(entry) = self.finish(id) {
                    let _ = entry.updates.send(Update::Event(Event::Done(done)));
                }
            }
            Event::Failed(error) => self.fail(id, error),
            event => {
                run.begun = true;
                entry.delivered = true;
                // A client that left says so itself.
                let _ = entry.updates.send(Update::Event(event));
            }
        }
    }

    fn fail(&mut self, id: Id, error: Error) {
        if let Some(entry) = self.finish(id) {
            entry.fail(error);
        }
    }

    /// A request is over, and its child works.
    fn finish(&mut self, id: Id) -> Option<crate::worker::line::Entry> {
        let entry = self.line.remove(id)?;
        if let Some(run) = entry.run {
            self.breaker.worked();
            self.service.took(run.since.elapsed());
        }
        // Before the client hears of the end, so that its next request is not refused by a line
        // that it just left.
        self.report();
        Some(entry)
    }
}
