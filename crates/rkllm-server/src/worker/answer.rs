//! The events of one request, from its place in line to its end.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::protocol::Id;
use super::{Command, Update};
use crate::error::{Code, Error};
use crate::generate::{Done, Event};
use crate::metrics;

/// The events of one request. Dropping it leaves the line or ends the run.
///
/// The events between worker and client are unbounded in number but not in memory: an answer has no
/// more tokens than the context. A client that reads slowly must not hold up the others' model.
#[derive(Debug)]
pub(crate) struct Answer {
    model: Arc<str>,
    id: Id,
    updates: UnboundedReceiver<Update>,
    commands: UnboundedSender<Command>,
    over: bool,
}

impl Answer {
    pub(super) fn new(
        model: Arc<str>,
        id: Id,
        updates: UnboundedReceiver<Update>,
        commands: UnboundedSender<Command>,
    ) -> Self {
        Self { model, id, updates, commands, over: false }
    }

    /// It was refused before it began; there is nothing to leave.
    pub(super) fn refused(mut self) {
        self.over = true;
    }

    /// The next event; `None` after the last one.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.over {
            return Poll::Ready(None);
        }
        let Poll::Ready(update) = self.updates.poll_recv(context) else {
            return Poll::Pending;
        };
        let event = match update {
            Some(Update::Event(event)) => event,
            Some(Update::Output(_)) | None => Event::Failed(Error::new(
                Code::InferenceFailed,
                "the model's worker has ended; the server's log says why; try again",
            )),
        };
        if matches!(event, Event::Done(_) | Event::Failed(_)) {
            log(&self.model, &event);
            self.over = true;
        }
        Poll::Ready(Some(event))
    }

    /// The next event; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }
}

#[cfg(test)]
impl Answer {
    /// An answer that has not begun, and what holds its place in line.
    pub(crate) fn waiting() -> (Self, impl Sized) {
        let (sender, updates) = tokio::sync::mpsc::unbounded_channel();
        let (commands, orders) = tokio::sync::mpsc::unbounded_channel();
        (Self::new("m".into(), 0, updates, commands), (sender, orders))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.over {
            tracing::info!("the client left before the end of its answer");
            // A worker that is gone has nothing to leave.
            let _ = self.commands.send(Command::Leave(self.id));
        }
    }
}

/// One line for each answer, once it is over.
fn log(model: &str, last: &Event) {
    match last {
        Event::Done(done @ Done { finish, usage, timings, .. }) => {
            metrics::answered(model, done);
            tracing::info!(
                model,
                ?finish,
                prompt = usage.prompt,
                cached = usage.cached,
                completion = usage.completion,
                queue = ?timings.queue,
                prefill = ?timings.prefill,
                decode = ?timings.decode,
                "answered"
            );
        }
        Event::Failed(error) => {
            metrics::failed(model, error);
            tracing::warn!(model, code = error.code.name(), "failed: {error}");
        }
        _ => {}
    }
}
