//! The events of one request, from its place in line to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::engine::{Job, Jobs};
use super::line::{Place, Turn};
use super::prompt::Prepared;
use crate::generate::{Done, Event};

/// The events of one request. Dropping it leaves the line or ends the run.
///
/// The events between engine and client are unbounded in number but not in memory: an answer has no
/// more tokens than the context. A client that reads slowly must not hold up the others' model.
pub(crate) struct Answer {
    jobs: Jobs,
    cancelled: Arc<AtomicBool>,
    entered: Instant,
    /// Over when the engine is closed, which an engine that is busy may notice late.
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
    stage: Stage,
}

enum Stage {
    Waiting(Pin<Box<dyn Future<Output = Turn> + Send>>, Option<Box<Prepared>>),
    Running(UnboundedReceiver<Event>),
    Over,
}

impl Answer {
    pub(super) fn new(jobs: Jobs, place: Place, prepared: Prepared, entered: Instant) -> Self {
        let stage = Stage::Waiting(Box::pin(place.turn()), Some(Box::new(prepared)));
        let closed = Box::pin(jobs.closed());
        Self { jobs, cancelled: Arc::default(), entered, closed, stage }
    }

    /// The next event; `None` after the last one.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            match &mut self.stage {
                Stage::Waiting(turn, prepared) => {
                    let Poll::Ready(turn) = turn.as_mut().poll(context) else {
                        return self.poll_closed(context);
                    };
                    let Some(prepared) = prepared.take() else {
                        return Poll::Ready(None);
                    };
                    let (events, receiver) = unbounded_channel();
                    self.jobs.send(Job {
                        prepared: *prepared,
                        events,
                        cancelled: Arc::clone(&self.cancelled),
                        queued: self.entered.elapsed(),
                        turn,
                    });
                    self.stage = Stage::Running(receiver);
                }
                Stage::Running(receiver) => {
                    let Poll::Ready(event) = receiver.poll_recv(context) else {
                        return self.poll_closed(context);
                    };
                    // A job that vanished without a last event took the engine with it.
                    let event = event.unwrap_or_else(|| Event::Failed(super::gone()));
                    if matches!(event, Event::Done(_) | Event::Failed(_)) {
                        log(&event);
                        self.stage = Stage::Over;
                    }
                    return Poll::Ready(Some(event));
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }

    /// The last event of an answer that will not be completed because the server stops.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.closed.as_mut().poll(context).map(|()| {
            let event = Event::Failed(super::going_down());
            log(&event);
            self.stage = Stage::Over;
            Some(event)
        })
    }

    /// The next event; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        match self.stage {
            Stage::Waiting(..) => tracing::info!("the client left the line"),
            Stage::Running(_) => {
                tracing::info!("the client left before the end of its answer");
                self.jobs.cancel(&self.cancelled);
            }
            Stage::Over => {}
        }
    }
}

/// One line for each answer, once it is over.
fn log(last: &Event) {
    match last {
        Event::Done(Done { finish, usage, timings, .. }) => tracing::info!(
            ?finish,
            prompt = usage.prompt,
            cached = usage.cached,
            completion = usage.completion,
            queue = ?timings.queue,
            prefill = ?timings.prefill,
            decode = ?timings.decode,
            "answered"
        ),
        Event::Failed(error) => tracing::warn!(code = error.code.name(), "failed: {error}"),
        _ => {}
    }
}
