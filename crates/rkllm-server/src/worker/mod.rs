//! Where answers come from: one child process per loaded model and the line in front of it.
//!
//! Nothing outside this module knows of processes, and nothing in it knows HTTP.

mod answer;
mod breaker;
pub(crate) mod child;
mod line;
mod process;
mod protocol;
mod spec;
mod supervisor;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::error::Error;
use crate::generate::{Event, Request};

pub(crate) use answer::Answer;
pub(crate) use breaker::Breaker;
pub(crate) use protocol::Prepared;
pub(crate) use spec::{Adapter, Facts, ModelSpec, PrefixCacheSpec, Prompting, RuntimeChoice};
pub(crate) use work::{Dimensions, Embed, EmbedInput, Output, Work};

use protocol::Id;
use supervisor::Supervisor;

/// The name under which a request's ignored fields say that the last message's role has no effect.
pub(crate) const ROLE: &str = "role";

/// Time that a child has to unload its model and end: gigabytes take a board more than a second.
pub(crate) const EXIT: Duration = Duration::from_secs(3);

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests that may wait while one runs.
    pub(crate) queue_depth: usize,
    /// Time that a request may wait for its turn.
    pub(crate) queue_timeout: Duration,
    /// Time for loading the model.
    pub(crate) load_timeout: Duration,
    /// Time from one token to the next; the first one has more, by the length of the prompt.
    pub(crate) token_timeout: Duration,
}

/// A model that is loaded or about to be. Clones share it; the last one ends it.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    model: Arc<str>,
    commands: UnboundedSender<Command>,
    status: watch::Receiver<Status>,
    activity: Arc<Mutex<Activity>>,
    ids: Arc<AtomicU64>,
}

/// How far a model is.
#[derive(Clone, Debug)]
pub(crate) enum Status {
    /// On its way into memory.
    Loading {
        since: SystemTime,
        /// When it is given up; `None` while it waits for room or for another try.
        deadline: Option<SystemTime>,
    },
    Ready(Arc<Facts>),
    /// It cannot be used for this reason; another worker may try again after a while.
    Failed {
        reason: String,
        record: Breaker,
    },
    /// It was told to end, and has.
    Closed,
}

impl Status {
    /// On its way from now on.
    fn loading(limit: Option<Duration>) -> Self {
        let since = SystemTime::now();
        Self::Loading { since, deadline: limit.map(|limit| since + limit) }
    }
}

/// What a model is busy with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activity {
    /// Requests that run or wait.
    pub(crate) requests: usize,
    /// When the last one ended, or the model was loaded.
    pub(crate) since: Instant,
    /// The child.
    pub(crate) process: Option<u32>,
}

/// What the owner of a child is told.
enum Command {
    Submit(Box<Submit>),
    /// A client has left.
    Leave(Id),
    /// Take no more requests, finish those there are by the deadline, and end.
    Close {
        deadline: Instant,
        ended: oneshot::Sender<()>,
    },
}

/// A request on its way into the line.
struct Submit {
    id: Id,
    owner: Option<u64>,
    work: Work,
    updates: UnboundedSender<Update>,
    reply: oneshot::Sender<Result<Prepared, Error>>,
}

/// Something that happened to a request.
#[derive(Debug)]
enum Update {
    Event(Event),
    Output(Output),
}

impl Worker {
    /// Starts to load a model once there is room for it, which is when `room` is over. `record` is what
    /// became of its earlier workers.
    pub(crate) fn start(
        spec: ModelSpec,
        limits: Limits,
        record: Breaker,
        room: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let (commands, orders) = unbounded_channel();
        let model = Arc::from(spec.name.as_str());
        let (report, status) = watch::channel(Status::loading(None));
        let idle = Activity { requests: 0, since: Instant::now(), process: None };
        let activity = Arc::new(Mutex::new(idle));
        let report = (report, Arc::clone(&activity));
        let supervisor = Supervisor::new(spec, (limits, record), orders, report);
        tokio::spawn(supervisor.run(room));
        Self { model, commands, status, activity, ids: Arc::default() }
    }

    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// The record of a model that has failed and has rested since.
    pub(crate) fn rested(&self) -> Option<Breaker> {
        match &*self.status.borrow() {
            Status::Failed { record, .. } if record.rest(Instant::now()).is_none() => Some(*record),
            _ => None,
        }
    }

    pub(crate) fn activity(&self) -> Activity {
        *self.activity.lock()
    }

    /// Waits until the model is loaded or cannot be.
    pub(crate) async fn settled(&self) -> Status {
        let mut status = self.status.clone();
        let settled = status.wait_for(|status| !matches!(status, Status::Loading { .. })).await;
        settled.map_or(Status::Closed, |status| status.clone())
    }

    /// Takes a place in line, at once or not at all, and has the request checked against the model,
    /// which is waited for. Dropping the answer leaves the line or ends the run.
    pub(crate) async fn answer(
        &self,
        owner: Option<u64>,
        request: Request,
    ) -> Result<(Answer, Prepared), Error> {
        let (id, updates, reply) = self.submit(owner, Work::Answer(request));
        let answer = Answer::new(Arc::clone(&self.model), id, updates, self.commands.clone());
        match reply.await.unwrap_or_else(|_| Err(closed())) {
            Ok(prepared) => Ok((answer, prepared)),
            Err(error) => {
                answer.refused();
                Err(error)
            }
        }
    }

    /// Has work done that is no answer.
    pub(crate) async fn work(&self, work: Work) -> Result<Output, Error> {
        let (id, mut updates, reply) = self.submit(None, work);
        let leave = LeaveOnDrop { id, commands: &self.commands };
        reply.await.map_err(|_| closed())??;
        let output = loop {
            match updates.recv().await {
                Some(Update::Output(output)) => break Ok(output),
                Some(Update::Event(Event::Failed(error))) => break Err(error),
                Some(Update::Event(_)) => {}
                None => break Err(closed()),
            }
        };
        std::mem::forget(leave);
        output
    }

    fn submit(
        &self,
        owner: Option<u64>,
        work: Work,
    ) -> (
        Id,
        tokio::sync::mpsc::UnboundedReceiver<Update>,
        oneshot::Receiver<Result<Prepared, Error>>,
    ) {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let (updates, receiver) = unbounded_channel();
        let (reply, prepared) = oneshot::channel();
        // Without a supervisor the reply is dropped, which says so.
        let _ = self.commands.send(Command::Submit(Box::new(Submit {
            id,
            owner,
            work,
            updates,
            reply,
        })));
        (id, receiver, prepared)
    }

    /// Takes no more requests, lets those there are end by the deadline, and unloads the model.
    /// Over when that is done.
    pub(crate) fn close(&self, deadline: Instant) -> impl Future<Output = ()> + Send + use<> {
        let (ended, wait) = oneshot::channel();
        let _ = self.commands.send(Command::Close { deadline, ended });
        async move {
            // A supervisor that is gone has ended.
            let _ = wait.await;
        }
    }
}

/// Leaves the line unless the work was done.
struct LeaveOnDrop<'a> {
    id: Id,
    commands: &'a UnboundedSender<Command>,
}

impl Drop for LeaveOnDrop<'_> {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Leave(self.id));
    }
}

fn closed() -> Error {
    Error::shutting_down("the model is being unloaded; try again")
}
