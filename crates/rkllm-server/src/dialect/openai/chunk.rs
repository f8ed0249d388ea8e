//! The chunks of a stream. What is the same in all of them is written once.

use bytes::{BufMut, BytesMut};

use super::error::ErrorBody;
use super::wire::{Head, Spent, Timings, Usage};
use crate::dialect::stream;
use crate::error::Error;
use crate::generate::Done;

/// What stands around the text of a choice.
pub(super) struct Shape {
    /// After the choice's index.
    pub(super) before: &'static str,
    /// A choice that says nothing.
    pub(super) empty: &'static str,
    pub(super) after: &'static str,
}

/// What a stream consists of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Answers to each prompt.
    pub(super) n: u32,
    /// Answers to all prompts.
    pub(super) total: usize,
    /// Whether the stream ends with the tokens that were used.
    pub(super) usage: bool,
}

/// Writes the chunks of a stream.
pub(super) struct Chunks {
    shape: &'static Shape,
    plan: Plan,
    /// All chunks up to their choices.
    head: String,
    /// All chunks of this answer up to what they say.
    opening: String,
    /// Counts the answers from 0.
    number: usize,
    spent: Spent,
}

impl Chunks {
    pub(super) fn new(head: &Head, shape: &'static Shape, plan: Plan) -> Self {
        let mut head = format!("data: {}", serde_json::to_string(head).expect("a head is JSON"));
        head.pop();
        let (opening, spent) = (String::new(), Spent::default());
        let mut chunks = Self { shape, plan, head, opening, number: 0, spent };
        chunks.open(0);
        chunks
    }

    fn open(&mut self, number: usize) {
        let (head, before) = (&self.head, self.shape.before);
        self.opening = format!(r#"{head},"choices":[{{"index":{number}{before}"#);
        self.number = number;
    }

    /// Counts the answers from 0.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// A chunk whose choice says what `write` writes.
    pub(super) fn piece(&self, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
        out.put_slice(self.opening.as_bytes());
        write(out);
        out.put_slice(self.shape.after.as_bytes());
        out.put_slice(b",\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    }

    /// The end of an answer, and after the last one the end of the stream.
    pub(super) fn done(&mut self, done: &Done, reason: &str, out: &mut BytesMut) {
        out.put_slice(self.opening.as_bytes());
        out.put_slice(self.shape.empty.as_bytes());
        out.put_slice(self.shape.after.as_bytes());
        out.put_slice(b",\"logprobs\":null,\"finish_reason\":");
        stream::json(reason, out);
        out.put_slice(b"}],\"timings\":");
        stream::json(&Timings::from(&Spent::of(done)), out);
        out.put_slice(b"}\n\n");
        self.spent.add(done, self.number.is_multiple_of(self.plan.n as usize));
        if self.number + 1 < self.plan.total {
            self.open(self.number + 1);
            return;
        }
        if self.plan.usage {
            out.put_slice(self.head.as_bytes());
            out.put_slice(b",\"choices\":[],\"usage\":");
            stream::json(&Usage::from(&self.spent), out);
            out.put_slice(b"}\n\n");
        }
        out.put_slice(b"data: [DONE]\n\n");
    }
}

/// The last event of a stream that will not be completed.
pub(super) fn failed(error: &Error, out: &mut BytesMut) {
    stream::data(&ErrorBody::new(error), out);
}
