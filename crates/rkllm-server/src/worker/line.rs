//! The requests of one model, in the order in which they came.

use std::collections::VecDeque;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Update;
use super::protocol::{Id, Prepared};
use crate::error::Error;
use crate::generate::Event;

/// The first request runs or is about to; the others wait.
#[derive(Debug, Default)]
pub(super) struct Line {
    entries: VecDeque<Entry>,
}

/// A request from its arrival to its end.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: Id,
    /// The message that has it prepared, for every child that may have to.
    pub(super) frame: Vec<u8>,
    /// Whether it needs the model's turn; else it is over once it is prepared.
    pub(super) needs_turn: bool,
    pub(super) updates: UnboundedSender<Update>,
    /// Where to say that it is prepared; `None` once that is said.
    pub(super) reply: Option<oneshot::Sender<Result<Prepared, Error>>>,
    pub(super) entered: Instant,
    /// When the present child was asked to prepare it.
    pub(super) asked: Option<Instant>,
    /// What the present child said to that.
    pub(super) prepared: Option<Prepared>,
    pub(super) run: Option<Run>,
    /// Whether `Started` was delivered.
    pub(super) started: bool,
    /// Whether anything of the answer was delivered.
    pub(super) delivered: bool,
    /// Whether it was begun again after a crash.
    pub(super) retried: bool,
    /// Whether nobody wants it any more.
    pub(super) abandoned: bool,
}

/// A request that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) since: Instant,
    /// When the child said something about it last.
    pub(super) last: Instant,
    /// Whether a token has come.
    pub(super) begun: bool,
    /// When it was told to end.
    pub(super) aborted: Option<Instant>,
}

impl Entry {
    /// Ends it with an error, wherever its client waits.
    pub(super) fn fail(mut self, error: Error) {
        match self.reply.take() {
            // A client that left does not listen.
            Some(reply) => drop(reply.send(Err(error))),
            None => drop(self.updates.send(Update::Event(Event::Failed(error)))),
        }
    }

    /// Whether it waits for its turn. One that begins again after a crash has had it.
    pub(super) fn waits(&self) -> bool {
        self.run.is_none() && !self.retried
    }

    /// Makes it ready for another child.
    pub(super) fn reset(&mut self) {
        self.asked = None;
        self.prepared = None;
        self.run = None;
    }
}

impl Line {
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
    }

    /// Requests that take a place: they need the model's turn.
    pub(super) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.needs_turn).count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The request whose turn it is, whether it runs already or not.
    pub(super) fn front(&mut self) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.needs_turn)
    }

    pub(super) fn get(&mut self, id: Id) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        self.entries.remove(at)
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Entry> {
        std::mem::take(&mut self.entries).into_iter()
    }

    /// Takes out the requests that have waited for their turn since `earliest`.
    pub(super) fn overdue(&mut self, earliest: Instant) -> Vec<Entry> {
        let (overdue, rest) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|entry| entry.waits() && entry.entered <= earliest);
        self.entries = rest;
        Vec::from(overdue)
    }
}
