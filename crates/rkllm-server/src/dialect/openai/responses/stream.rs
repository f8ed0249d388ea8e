//! Events as the Responses API's server-sent events.
//!
//! Every event says its name twice and counts from 0. Items come one after the other; each is
//! announced without content, grows, is told in whole and ends.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::output::{Item, Kind, Output, Part, Piece, Show, Status};
use super::response::{Draft, Progress, Response};
use super::store::Keep;
use crate::dialect::stream::{self, json};
use crate::error::Error;
use crate::generate::{Done, Event, Finish};

/// The stream of one answer.
pub(super) struct Encoder {
    draft: Draft,
    output: Output,
    keep: Option<Keep>,
    events: Events,
    /// Each piece of the item in progress, up to the event's number.
    opening: String,
}

/// Writes events with their numbers.
#[derive(Default)]
struct Events {
    next: u64,
}

#[derive(Serialize)]
struct Numbered<'a, T> {
    r#type: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
struct OfResponse<'a> {
    response: Response<'a>,
}

#[derive(Serialize)]
struct OfItem<'a> {
    output_index: usize,
    item: Item<'a>,
}

/// Where something of an item belongs.
#[derive(Clone, Copy, Serialize)]
struct Place<'a> {
    item_id: &'a str,
    output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
}

#[derive(Serialize)]
struct OfPart<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    part: Part<'a>,
}

#[derive(Serialize)]
struct WholeText<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
}

#[derive(Serialize)]
struct WholeArguments<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Opening<'a> {
    r#type: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

impl Events {
    fn write<T: Serialize>(&mut self, name: &str, rest: T, out: &mut BytesMut) {
        out.put_slice(b"event: ");
        out.put_slice(name.as_bytes());
        out.put_slice(b"\ndata: ");
        json(&Numbered { r#type: name, sequence_number: self.next, rest }, out);
        out.put_slice(b"\n\n");
        self.next += 1;
    }

    /// A piece of an item: the one event of which there are many.
    fn piece(&mut self, opening: &str, text: &str, out: &mut BytesMut) {
        out.put_slice(opening.as_bytes());
        json(&self.next, out);
        out.put_slice(b",\"delta\":");
        json(text, out);
        out.put_slice(b"}\n\n");
        self.next += 1;
    }
}

impl Kind {
    /// What the events of its text are called, but for their end.
    fn stem(&self) -> &'static str {
        match self {
            Self::Summary => "response.reasoning_summary_text",
            Self::Thought => "response.reasoning_text",
            Self::Text => "response.output_text",
            Self::Call { .. } => "response.function_call_arguments",
        }
    }

    /// What the events of its part are called, but for their end.
    fn part_stem(&self) -> &'static str {
        match self {
            Self::Summary => "response.reasoning_summary_part",
            Self::Thought | Self::Text | Self::Call { .. } => "response.content_part",
        }
    }
}

impl Piece {
    /// Its only part, which is the `output_index`th item's.
    fn place(&self, output_index: usize) -> Place<'_> {
        Place {
            item_id: &self.id,
            output_index,
            content_index: matches!(self.kind, Kind::Thought | Kind::Text).then_some(0),
            summary_index: (self.kind == Kind::Summary).then_some(0),
            logprobs: None,
        }
    }

    /// The place of its text.
    fn text_place(&self, output_index: usize) -> Place<'_> {
        let logprobs = (self.kind == Kind::Text).then_some([]);
        Place { logprobs, ..self.place(output_index) }
    }

    fn opening(&self, output_index: usize) -> String {
        let name = format!("{}.delta", self.kind.stem());
        let opening = Opening { r#type: &name, place: self.text_place(output_index) };
        let mut opening = serde_json::to_string(&opening).expect("a place is JSON");
        opening.pop();
        format!("event: {name}\ndata: {opening},\"sequence_number\":")
    }
}

impl Encoder {
    pub(super) fn new(draft: Draft, show: Show, keep: Option<Keep>) -> Self {
        let (output, events) = (Output::new(&draft.id, show), Events::default());
        Self { draft, output, keep, events, opening: String::new() }
    }

    fn response(&mut self, name: &str, progress: Progress<'_>, out: &mut BytesMut) {
        let response = self.draft.response(progress, &self.output);
        self.events.write(name, OfResponse { response }, out);
    }

    /// Makes sure that an item of this kind is in progress, and adds to it.
    fn add(&mut self, kind: Kind, text: &str, out: &mut BytesMut) {
        if self.output.open().is_none_or(|piece| piece.kind != kind) {
            self.begin(kind, out);
        }
        self.grow(text, out);
    }

    fn grow(&mut self, text: &str, out: &mut BytesMut) {
        if let Some(piece) = self.output.open() {
            piece.text.push_str(text);
            self.events.piece(&self.opening, text, out);
        }
    }

    fn begin(&mut self, kind: Kind, out: &mut BytesMut) {
        self.complete(Status::Completed, out);
        let output_index = self.output.count();
        let piece = self.output.begin(kind);
        let item = piece.item();
        self.events.write("response.output_item.added", OfItem { output_index, item }, out);
        if let Some(part) = piece.part() {
            let name = format!("{}.added", piece.kind.part_stem());
            self.events.write(&name, OfPart { place: piece.place(output_index), part }, out);
        }
        self.opening = piece.opening(output_index);
    }

    /// Ends the item in progress, if there is one.
    fn complete(&mut self, status: Status, out: &mut BytesMut) {
        let output_index = self.output.count().saturating_sub(1);
        let Some(piece) = self.output.complete(status) else {
            return;
        };
        let (name, text) = (format!("{}.done", piece.kind.stem()), piece.text.as_str());
        let place = piece.text_place(output_index);
        match &piece.kind {
            Kind::Call { name: function, .. } => {
                let whole = WholeArguments { place, name: function, arguments: text };
                self.events.write(&name, whole, out);
            }
            Kind::Summary | Kind::Thought | Kind::Text => {
                self.events.write(&name, WholeText { place, text }, out);
            }
        }
        if let Some(part) = piece.part() {
            let name = format!("{}.done", piece.kind.part_stem());
            self.events.write(&name, OfPart { place: piece.place(output_index), part }, out);
        }
        let item = piece.item();
        self.events.write("response.output_item.done", OfItem { output_index, item }, out);
    }

    fn done(&mut self, done: &Done, out: &mut BytesMut) {
        if self.output.lacks_message(done.finish) {
            self.begin(Kind::Text, out);
        }
        self.complete(Status::at(done.finish), out);
        let name = match done.finish {
            Finish::Length => "response.incomplete",
            Finish::Stop | Finish::ToolCalls => "response.completed",
        };
        self.response(name, Progress::Done(done), out);
        if let Some(keep) = self.keep.take() {
            keep.put(&self.draft.response(Progress::Done(done), &self.output), &self.output);
        }
    }

    fn failed(&mut self, error: &Error, out: &mut BytesMut) {
        self.output.complete(Status::Incomplete);
        self.response("response.failed", Progress::Failed(error), out);
    }
}

impl stream::Encoder for Encoder {
    const CONTENT_TYPE: &'static str = stream::SSE;
    const KEEP_ALIVE: &'static [u8] = stream::SSE_COMMENT;

    fn begin(&mut self, out: &mut BytesMut) {
        self.response("response.created", Progress::Begun, out);
        self.response("response.in_progress", Progress::Begun, out);
    }

    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Started => {}
            Event::Text(text) => self.add(Kind::Text, &text, out),
            Event::Thought(text) => self.add(self.output.show().thought(), &text, out),
            Event::ToolCall(call) => self.begin(call.into(), out),
            Event::Arguments(more) => self.grow(&more, out),
            Event::Done(done) => self.done(&done, out),
            Event::Failed(error) => self.failed(&error, out),
        }
    }
}

#[cfg(test)]
mod tests;
