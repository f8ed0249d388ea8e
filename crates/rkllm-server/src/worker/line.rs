//! The requests of one model, in the order in which they came.

use std::collections::VecDeque;

use bytes::Bytes;
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
    pub(super) frame: Bytes,
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
    /// Whether it has had its turn, be it with an earlier child.
    pub(super) ran: bool,
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
    /// A request that has just come.
    pub(super) fn new(
        id: Id,
        frame: Bytes,
        told: (UnboundedSender<Update>, oneshot::Sender<Result<Prepared, Error>>),
        entered: Instant,
    ) -> Self {
        let (updates, reply) = told;
        Self {
            id,
            frame,
            needs_turn: true,
            updates,
            reply: Some(reply),
            entered,
            asked: None,
            prepared: None,
            run: None,
            ran: false,
            started: false,
            delivered: false,
            retried: false,
            abandoned: false,
        }
    }

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
        !self.ran
    }

    /// It is its turn.
    pub(super) fn begin(&mut self, now: Instant) {
        self.ran = true;
        self.run = Some(Run { since: now, last: now, begun: false, aborted: None });
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn entry(id: Id, entered: Instant) -> Entry {
        Entry::new(id, Bytes::new(), (unbounded_channel().0, oneshot::channel().0), entered)
    }

    #[test]
    fn who_has_had_a_turn_waits_no_more_and_who_was_only_prepared_does() {
        let now = Instant::now();
        let mut line = Line::default();
        (0..3).for_each(|id| line.push(entry(id, now)));
        line.push(entry(3, now + Duration::from_secs(1)));
        line.front().unwrap().begin(now);
        // The child is gone: the one that ran begins again, and so does one that it was preparing.
        for entry in line.iter_mut().take(2) {
            entry.retried = true;
            entry.reset();
        }
        let overdue: Vec<_> = line.overdue(now).iter().map(|entry| entry.id).collect();
        assert_eq!(overdue, [1, 2]);
        let left: Vec<_> = line.iter().map(|entry| entry.id).collect();
        assert_eq!(left, [0, 3]);
    }
}
