//! The task that owns a model's child: it starts it, asks it, watches it and buries it.

mod deadline;
mod heard;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::breaker::{Breaker, Next};
use super::line::{Entry, Line};
use super::process::Process;
use super::protocol::{ToChild, encode};
use super::{Activity, Command, EXIT, Limits, ModelSpec, Status, Submit};
use crate::error::{Code, Error};
use crate::metrics;

/// Questions that need no turn of the model and may wait at a time.
const MAX_QUESTIONS: usize = 64;

/// The owner of one model's child and of the line in front of it.
pub(super) struct Supervisor {
    spec: ModelSpec,
    limits: Limits,
    commands: UnboundedReceiver<Command>,
    status: watch::Sender<Status>,
    activity: Arc<Mutex<Activity>>,
    line: Line,
    child: Child,
    breaker: Breaker,
    /// Times that answers took lately, for telling others when to come back.
    service: Service,
    /// When the latest load began and, once it is over, how long it took.
    load: (Instant, Duration),
    closing: Option<Closing>,
    /// When the child was heard last, and when it was asked for a sign of life since.
    heard: Instant,
    pinged: Option<Instant>,
    /// Whether there was a child before.
    started: bool,
    /// When it prepared a request last.
    prepared: Instant,
}

/// Where the child is.
enum Child {
    /// The first one must wait until others have made room in memory.
    Held,
    /// There is none, and none is wanted.
    Absent,
    /// The next one is started at this time.
    Due(Instant),
    /// It loads the model.
    Loading(Process),
    Ready(Process),
    /// It was told to stop and is killed at this time.
    Stopping(Process, Instant),
}

/// The order to end.
struct Closing {
    deadline: Instant,
    ended: Vec<oneshot::Sender<()>>,
}

/// Why a child is to be buried.
enum Death {
    /// It ended by itself.
    Ended,
    /// It was killed because of this.
    Hung(String),
}

/// A moving average of the time that an answer takes.
#[derive(Debug, Default)]
struct Service(Option<Duration>);

impl Service {
    fn took(&mut self, time: Duration) {
        self.0 = Some(self.0.map_or(time, |average| (average * 3 + time) / 4));
    }

    /// Seconds after which a place among so many is free.
    fn seconds_for(&self, requests: usize) -> u32 {
        let seconds = self.0.unwrap_or_default().as_secs_f64() * requests as f64;
        seconds.ceil().clamp(1.0, 3600.0) as u32
    }
}

impl Supervisor {
    pub(super) fn new(
        spec: ModelSpec,
        rules: (Limits, Breaker),
        commands: UnboundedReceiver<Command>,
        report: (watch::Sender<Status>, Arc<Mutex<Activity>>),
    ) -> Self {
        let now = Instant::now();
        Self {
            spec,
            limits: rules.0,
            commands,
            status: report.0,
            activity: report.1,
            line: Line::default(),
            child: Child::Held,
            breaker: rules.1,
            service: Service::default(),
            load: (now, Duration::ZERO),
            closing: None,
            heard: now,
            pinged: None,
            started: false,
            prepared: now,
        }
    }

    /// Works until told to close, or until nobody can tell it anything any more. The first child is
    /// started when `room` is over.
    pub(super) async fn run(mut self, room: impl Future<Output = ()>) {
        let mut room = pin!(room);
        let mut commanded = true;
        let mut alarm = Box::pin(sleep_until(self.deadline()));
        loop {
            self.advance();
            if self.closing.is_some() && matches!(self.child, Child::Absent) {
                break;
            }
            // An alarm that rings too early is set again then: most deadlines move with each token,
            // and few are met.
            let deadline = self.deadline();
            if deadline < alarm.deadline() {
                alarm.as_mut().reset(deadline);
            }
            tokio::select! {
                // The child comes last: one that talks without a pause must not keep anybody from
                // leaving or entering the line.
                biased;
                command = self.commands.recv(), if commanded => match command {
                    Some(Command::Submit(submit)) => self.submit(*submit),
                    Some(Command::Leave(id)) => self.leave(id),
                    Some(Command::Close { deadline, ended }) => self.close(deadline, Some(ended)),
                    None => {
                        commanded = false;
                        self.close(Instant::now(), None);
                    }
                },
                () = &mut alarm => {
                    self.expire().await;
                    alarm.as_mut().reset(self.deadline());
                }
                () = &mut room, if matches!(self.child, Child::Held) => {
                    self.child = Child::Due(Instant::now());
                }
                heard = heard(&mut self.child) => match heard {
                    Ok(1..) => self.listen().await,
                    Ok(0) | Err(_) => self.bury(Death::Ended).await,
                },
            }
        }
        self.status.send_replace(Status::Closed);
        self.fail_all(&shutting_down());
        for ended in self.closing.into_iter().flat_map(|closing| closing.ended) {
            // Whoever asked may not want to know any more.
            let _ = ended.send(());
        }
    }

    /// Does what can be done without waiting.
    fn advance(&mut self) {
        let now = Instant::now();
        if matches!(self.child, Child::Due(due) if due <= now) {
            self.start();
        }
        if let Child::Ready(process) = &self.child {
            let unasked = self.line.iter_mut().filter(|entry| entry.asked.is_none());
            for entry in unasked {
                entry.asked = Some(now);
                process.send_frame(entry.frame.clone());
            }
            if let Some(entry) = self.line.front()
                && entry.prepared.is_some()
                && entry.run.is_none()
            {
                entry.begin(now);
                process.send(&ToChild::Run { id: entry.id });
            }
        }
        if self.closing.is_some() && self.line.is_empty() {
            self.stop(now);
        }
        self.report();
    }

    fn report(&self) {
        let requests = self.line.len();
        let mut activity = self.activity.lock();
        if activity.requests != 0 && requests == 0 {
            activity.since = Instant::now();
        }
        if activity.requests != requests {
            metrics::queue_length(&self.spec.name, requests.saturating_sub(1));
        }
        activity.requests = requests;
        activity.process = match &self.child {
            Child::Loading(process) | Child::Ready(process) | Child::Stopping(process, _) => {
                process.id()
            }
            Child::Held | Child::Absent | Child::Due(_) => None,
        };
    }

    fn start(&mut self) {
        let now = Instant::now();
        match Process::start(&self.spec.name) {
            Ok(process) => {
                process.send(&ToChild::Load(Box::new(self.spec.clone())));
                self.status.send_replace(Status::loading(Some(self.limits.load_timeout)));
                if std::mem::replace(&mut self.started, true) {
                    metrics::restarted(&self.spec.name);
                }
                self.load = (now, Duration::ZERO);
                self.child = Child::Loading(process);
            }
            Err(error) => {
                self.child = Child::Absent;
                self.give_up(format!("its process cannot be started: {error}"));
            }
        }
    }

    fn submit(&mut self, submit: Submit) {
        let Submit { id, owner, work, updates, reply } = submit;
        let refused = self.refusal(work.needs_turn());
        if let Some(error) = refused {
            // A client that left does not listen.
            let _ = reply.send(Err(error));
            return;
        }
        let needs_turn = work.needs_turn();
        let mut frame = Vec::new();
        encode(&ToChild::Prepare { id, owner, work: Box::new(work) }, &mut frame);
        let entry = Entry::new(id, frame.into(), (updates, reply), Instant::now());
        self.line.push(Entry { needs_turn, ..entry });
    }

    /// Why a request cannot enter.
    fn refusal(&self, needs_turn: bool) -> Option<Error> {
        if self.closing.is_some() {
            return Some(shutting_down());
        }
        if let Status::Failed { reason, .. } = &*self.status.borrow() {
            return Some(self.failed(reason));
        }
        let questions = self.line.iter().filter(|entry| !entry.needs_turn).count();
        let full = match needs_turn {
            true => self.line.len() > self.limits.queue_depth,
            false => questions >= MAX_QUESTIONS,
        };
        full.then(|| busy(self.limits.queue_depth, self.service.seconds_for(self.line.len())))
    }

    /// Forgets a request whose client has left.
    fn leave(&mut self, id: super::Id) {
        let Some(entry) = self.line.get(id) else {
            return;
        };
        if let (Child::Ready(process), true) = (&self.child, entry.asked.is_some()) {
            process.send(&ToChild::Forget { id });
        }
        match &mut entry.run {
            // The model is taken until the run has really ended.
            Some(run) => {
                run.aborted.get_or_insert_with(Instant::now);
                entry.abandoned = true;
            }
            None => drop(self.line.remove(id)),
        }
    }

    fn close(&mut self, deadline: Instant, ended: Option<oneshot::Sender<()>>) {
        let closing = self.closing.get_or_insert(Closing { deadline, ended: Vec::new() });
        closing.deadline = closing.deadline.min(deadline);
        closing.ended.extend(ended);
    }

    /// Tells the child to stop.
    fn stop(&mut self, now: Instant) {
        self.child = match std::mem::replace(&mut self.child, Child::Absent) {
            Child::Loading(process) | Child::Ready(process) => {
                process.send(&ToChild::Stop);
                Child::Stopping(process, now + EXIT)
            }
            Child::Held | Child::Absent | Child::Due(_) => Child::Absent,
            stopping @ Child::Stopping(..) => stopping,
        };
    }

    /// Clears up after a child that is gone, or that must go.
    async fn bury(&mut self, death: Death) {
        let (mut process, expected) = match std::mem::replace(&mut self.child, Child::Absent) {
            Child::Loading(process) | Child::Ready(process) => (process, false),
            Child::Stopping(process, _) => (process, true),
            Child::Held | Child::Absent | Child::Due(_) => return,
        };
        if let Death::Hung(_) = death {
            process.kill();
        }
        let (ended, last_lines) = process.bury().await;
        if expected {
            return;
        }
        let (code, what) = match death {
            Death::Ended => {
                (Code::RuntimeCrashed, format!("the runtime crashed: its process {ended}"))
            }
            Death::Hung(what) => (Code::RuntimeHung, format!("the runtime hung: {what}")),
        };
        tracing::error!(model = self.spec.name, "{what}; it printed last: {last_lines:?}");
        self.lose(&Error::new(code, format!("{what}; it is started anew, try again")));
        match self.breaker.crashed(Instant::now()) {
            Next::Restart(pause) => {
                self.status.send_replace(Status::loading(None));
                self.child = Child::Due(Instant::now() + pause);
            }
            Next::Rest(_) => {
                let printed = last_lines.join(" / ");
                self.rest(format!("{what}, several times in a row; it printed last: {printed}"));
            }
        }
    }

    /// Takes the requests back from a child that is gone. The one that the child was busy with begins
    /// again if nothing of it was delivered, once: the one that ran or, if none did, the one that was
    /// being prepared.
    fn lose(&mut self, error: &Error) {
        let mut lost = VecDeque::new();
        let running = self.line.iter().find(|entry| entry.run.is_some());
        let preparing =
            self.line.iter().find(|entry| entry.asked.is_some() && entry.prepared.is_none());
        let busy = running.or(preparing).map(|entry| entry.id);
        for entry in self.line.iter_mut() {
            let ran = Some(entry.id) == busy;
            if ran && (entry.delivered || entry.retried || entry.abandoned) {
                lost.push_back(entry.id);
            }
            entry.retried |= ran;
            entry.reset();
        }
        for id in lost {
            if let Some(entry) = self.line.remove(id) {
                entry.fail(error.clone());
            }
        }
    }

    /// The model cannot be loaded.
    fn give_up(&mut self, reason: String) {
        self.breaker.failed(Instant::now());
        self.rest(reason);
    }

    /// The model counts as failed from here on.
    fn rest(&mut self, reason: String) {
        tracing::error!(model = self.spec.name, "the model has failed: {reason}");
        let error = self.failed(&reason);
        self.status.send_replace(Status::Failed { reason, record: self.breaker });
        self.fail_all(&error);
    }

    /// Why requests are refused while the model rests.
    fn failed(&self, reason: &str) -> Error {
        let rest = self.breaker.rest(Instant::now()).unwrap_or_default();
        let message = format!("the model {} cannot be used: {reason}", self.spec.name);
        let retry_after = Some(rest.as_secs_f64().ceil().max(1.0) as u32);
        Error { retry_after, ..Error::new(Code::ModelFailed, message) }
    }

    fn fail_all(&mut self, error: &Error) {
        for entry in self.line.drain() {
            entry.fail(error.clone());
        }
    }
}

/// Waits until a child has said more.
async fn heard(child: &mut Child) -> std::io::Result<usize> {
    match child {
        Child::Loading(process) | Child::Ready(process) | Child::Stopping(process, _) => {
            process.heard().await
        }
        Child::Held | Child::Absent | Child::Due(_) => std::future::pending().await,
    }
}

fn busy(depth: usize, seconds: u32) -> Error {
    let waiting = match depth {
        0 => "and nobody may wait (--queue-depth 0)".to_owned(),
        depth => format!("and {depth} more are waiting"),
    };
    Error {
        retry_after: Some(seconds),
        ..Error::new(
            Code::Busy,
            format!("the model is answering another request {waiting}; try again in a while"),
        )
    }
}

fn shutting_down() -> Error {
    Error::shutting_down("the server is shutting down; try again later")
}
