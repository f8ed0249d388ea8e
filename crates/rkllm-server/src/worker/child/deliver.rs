//! From pieces of output to events on their way to the server.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use rkllm_chat::Piece;

use super::outbox::Outbox;
use crate::generate::{Event, ToolCall};
use crate::worker::protocol::{FromChild, Id};

/// A silence after which the server is told that tokens come, though nothing is delivered.
const SILENCE: Duration = Duration::from_secs(1);

/// Sends the events of one answer, at once or when the whole of it is known.
pub(super) struct Delivery<'a> {
    id: Id,
    outbox: &'a Outbox,
    /// Events that wait for the end of the answer; `None` sends at once.
    held: Option<Vec<Event>>,
    /// When the server was told anything last; `None` is not since the run began.
    told: Option<Instant>,
    /// Whether nothing is delivered after the first call.
    one_call: bool,
    /// Whether that one is complete.
    over: bool,
    thoughts: Thoughts,
}

/// Counts the tokens that thoughts consist of. What a token is part of shows with the next piece.
#[derive(Debug, Default)]
struct Thoughts {
    /// Whether the latest piece since the last token was of a thought.
    latest: Option<bool>,
    /// Tokens since the last piece.
    undecided: u32,
    count: u32,
}

impl Thoughts {
    fn token(&mut self) {
        self.undecided += 1;
        self.decide();
    }

    fn decide(&mut self) {
        if let Some(thought) = self.latest.take() {
            self.count += if thought { self.undecided } else { 0 };
            self.undecided = 0;
        }
    }
}

impl<'a> Delivery<'a> {
    pub(super) fn new(id: Id, outbox: &'a Outbox, hold: bool) -> Self {
        Self {
            id,
            outbox,
            held: hold.then(Vec::new),
            told: None,
            one_call: false,
            over: false,
            thoughts: Thoughts::default(),
        }
    }

    /// Delivers nothing after the first call.
    pub(super) fn with_one_call(self, one_call: bool) -> Self {
        Self { one_call, ..self }
    }

    /// A token has come, after the pieces that it led to.
    pub(super) fn token(&mut self) {
        self.thoughts.token();
    }

    /// The tokens so far that thoughts consist of, without what ends a thought.
    pub(super) fn thoughts(&mut self) -> u32 {
        self.thoughts.decide();
        self.thoughts.count
    }

    /// Whether nothing more will be delivered.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Sends an event now.
    pub(super) fn send(&mut self, event: Event) {
        self.outbox.send(&FromChild::Event { id: self.id, event });
    }

    pub(super) fn note(&self, note: String) {
        self.outbox.send(&FromChild::Note(note));
    }

    /// Delivers a piece of output.
    pub(super) fn piece(&mut self, piece: Piece<'_>) {
        if self.over {
            return;
        }
        self.thoughts.latest = Some(matches!(piece, Piece::Thought(_)));
        let event = match piece {
            Piece::Text(text) => Event::Text(text.to_owned()),
            Piece::Thought(text) => Event::Thought(text.to_owned()),
            Piece::ToolCall { index, name } => Event::ToolCall(ToolCall {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                id: call_id(),
                name: name.to_owned(),
            }),
            Piece::ToolArguments { json, .. } => Event::Arguments(json.to_owned()),
            Piece::ToolEnd { .. } => {
                self.over = self.one_call;
                return;
            }
        };
        match &mut self.held {
            Some(held) => held.push(event),
            None => {
                self.told = Some(Instant::now());
                self.send(event);
            }
        }
    }

    /// A token has come, whether or not anything of it was delivered.
    pub(super) fn alive(&mut self, now: Instant) {
        if self.told.is_none_or(|told| now.duration_since(told) >= SILENCE) {
            self.told = Some(now);
            self.outbox.send(&FromChild::Alive { id: self.id });
        }
    }

    /// The text and the number of calls among the events that wait.
    pub(super) fn held(&self) -> (String, usize) {
        let mut text = String::new();
        let mut calls = 0;
        for event in self.held.iter().flatten() {
            match event {
                Event::Text(more) => text.push_str(more),
                Event::ToolCall(_) => calls += 1,
                _ => {}
            }
        }
        (text, calls)
    }

    /// Sends the events that wait; with a text, that one instead of theirs.
    pub(super) fn release(&mut self, text: Option<String>) {
        let held = self.held.take().unwrap_or_default();
        let replaced = text.is_some();
        let events = held.into_iter().filter(|event| !replaced || !matches!(event, Event::Text(_)));
        for event in events.chain(text.map(Event::Text)).collect::<Vec<_>>() {
            self.send(event);
        }
    }

    /// Forgets the events that wait.
    pub(super) fn clear(&mut self) {
        self.over = false;
        self.thoughts = Thoughts::default();
        if let Some(held) = &mut self.held {
            held.clear();
        }
    }
}

/// `call_` and 24 letters and digits that nobody has used before.
fn call_id() -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut id = String::from("call_");
    for _ in 0..2 {
        // The standard library's way to 64 random bits.
        let mut bits = RandomState::new().hash_one(());
        for _ in 0..12 {
            id.push(char::from(DIGITS[(bits % 36) as usize]));
            bits /= 36;
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens that count as thoughts, given what each of them led to.
    fn thoughts(tokens: &[&[bool]]) -> u32 {
        let mut thoughts = Thoughts::default();
        for pieces in tokens {
            for thought in *pieces {
                thoughts.latest = Some(*thought);
            }
            thoughts.token();
        }
        thoughts.count
    }

    #[test]
    fn tokens_belong_to_the_piece_that_follows_them() {
        const HELD: &[bool] = &[];
        const THOUGHT: &[bool] = &[true];
        const TEXT: &[bool] = &[false];
        assert_eq!(thoughts(&[TEXT, HELD, TEXT]), 0);
        // A mark, two tokens of a thought with something held back between, a mark, text.
        assert_eq!(thoughts(&[HELD, THOUGHT, HELD, THOUGHT, HELD, HELD, TEXT, TEXT]), 4);
        // A token that ends a thought and begins the text.
        assert_eq!(thoughts(&[THOUGHT, &[true, false], TEXT]), 1);
        // Cut within a thought.
        assert_eq!(thoughts(&[HELD, THOUGHT, HELD]), 2);
    }

    #[test]
    fn ids_of_calls_differ() {
        let (first, second) = (call_id(), call_id());
        assert_ne!(first, second);
        assert_eq!(first.len(), "call_".len() + 24);
    }
}
