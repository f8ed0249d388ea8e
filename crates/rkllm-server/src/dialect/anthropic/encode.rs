//! Events as Anthropic's server-sent events.
//!
//! An answer is blocks, one open at a time: thoughts, text, uses of tools. Every event says its name
//! twice, because clients go by the `event:` line.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::failure;
use super::message::{Head, SIGNATURE, Thoughts, Usage, stop_reason, tool_use_id};
use crate::dialect::stream;
use crate::error::Error;
use crate::generate::{Done, Event, ToolCall};

/// The stream of one answer.
pub(super) struct Encoder {
    head: Head,
    /// Tokens of the prompt, 0 while nobody knows.
    input_tokens: u32,
    thoughts: Thoughts,
    /// The index of the next block, or of the open one.
    index: u32,
    open: Option<Kind>,
    used_tool: bool,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Thinking,
    Text,
    ToolUse,
}

impl Encoder {
    pub(super) fn new(head: Head, input_tokens: u32, thoughts: Thoughts) -> Self {
        let (index, open) = (0, None);
        Self { head, input_tokens, thoughts, index, open, used_tool: false }
    }

    /// Makes sure that a block of this kind is open.
    fn enter(&mut self, kind: Kind, out: &mut BytesMut) {
        if self.open == Some(kind) {
            return;
        }
        self.close(out);
        let block = match kind {
            Kind::Thinking => r#"{"type":"thinking","thinking":"","signature":""}"#,
            Kind::Text | Kind::ToolUse => r#"{"type":"text","text":""}"#,
        };
        self.start(kind, out, |out| out.put_slice(block.as_bytes()));
    }

    /// Opens a block; `put` writes it with empty content.
    fn start(&mut self, kind: Kind, out: &mut BytesMut, put: impl FnOnce(&mut BytesMut)) {
        self.open = Some(kind);
        out.put_slice(
            b"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":",
        );
        number(self.index, out);
        out.put_slice(b",\"content_block\":");
        put(out);
        out.put_slice(b"}\n\n");
    }

    /// More of the open block. `field` is the JSON up to the text.
    fn delta(&self, field: &str, text: &str, out: &mut BytesMut) {
        out.put_slice(
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
        );
        number(self.index, out);
        out.put_slice(b",\"delta\":{\"type\":");
        out.put_slice(field.as_bytes());
        json(text, out);
        out.put_slice(b"}}\n\n");
    }

    fn close(&mut self, out: &mut BytesMut) {
        let Some(kind) = self.open.take() else {
            return;
        };
        if kind == Kind::Thinking {
            self.delta("\"signature_delta\",\"signature\":", SIGNATURE, out);
        }
        out.put_slice(
            b"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":",
        );
        number(self.index, out);
        out.put_slice(b"}\n\n");
        self.index += 1;
    }

    fn thought(&mut self, text: &str, out: &mut BytesMut) {
        if self.thoughts == Thoughts::None {
            return;
        }
        self.enter(Kind::Thinking, out);
        if self.thoughts == Thoughts::All {
            self.delta("\"thinking_delta\",\"thinking\":", text, out);
        }
    }

    fn tool_use(&mut self, call: &ToolCall, out: &mut BytesMut) {
        self.used_tool = true;
        self.close(out);
        self.start(Kind::ToolUse, out, |out| {
            out.put_slice(b"{\"type\":\"tool_use\",\"id\":");
            json(&tool_use_id(&call.id), out);
            out.put_slice(b",\"name\":");
            json(&call.name, out);
            out.put_slice(b",\"input\":{}}");
        });
    }

    fn done(&mut self, done: &Done, out: &mut BytesMut) {
        self.close(out);
        let reason = stop_reason(done, self.used_tool);
        let sequence = done.stop.as_deref().filter(|_| reason == "stop_sequence");
        out.put_slice(b"event: message_delta\ndata: ");
        let delta = Delta { stop_reason: reason, stop_sequence: sequence };
        json(&MessageDelta { r#type: "message_delta", delta, usage: done.usage.into() }, out);
        out.put_slice(b"\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    r#type: &'static str,
    delta: Delta<'a>,
    usage: Usage,
}

#[derive(Serialize)]
struct Delta<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

const PING: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";

impl stream::Encoder for Encoder {
    const CONTENT_TYPE: &'static str = stream::SSE;
    const KEEP_ALIVE: &'static [u8] = PING;

    fn begin(&mut self, out: &mut BytesMut) {
        out.put_slice(
            b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":",
        );
        json(&self.head.id, out);
        out.put_slice(b",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
        json(&self.head.model, out);
        out.put_slice(b",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
        let usage = Usage {
            input_tokens: self.input_tokens,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: 0,
        };
        json(&usage, out);
        out.put_slice(b"}}\n\n");
        out.put_slice(PING);
    }

    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Started => {}
            Event::Text(text) => {
                self.enter(Kind::Text, out);
                self.delta("\"text_delta\",\"text\":", &text, out);
            }
            Event::Thought(text) => self.thought(&text, out),
            Event::ToolCall(call) => self.tool_use(&call, out),
            Event::Arguments(more) => {
                self.delta("\"input_json_delta\",\"partial_json\":", &more, out);
            }
            Event::Done(done) => self.done(&done, out),
            Event::Failed(error) => failed(&error, out),
        }
    }
}

fn failed(error: &Error, out: &mut BytesMut) {
    out.put_slice(b"event: error\ndata: ");
    json(&failure::Body::new(error.code, &failure::message(error), None), out);
    out.put_slice(b"\n\n");
}

fn number(number: u32, out: &mut BytesMut) {
    write!(out, "{number}").expect("memory takes all");
}

fn json(value: &(impl Serialize + ?Sized), out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), value).expect("wire types serialise, memory takes all");
}

#[cfg(test)]
pub(super) mod tests;
