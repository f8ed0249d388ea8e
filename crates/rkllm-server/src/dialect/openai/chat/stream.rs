//! A chat's events as chunks.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::Calls;
use super::whole::reason;
use crate::dialect::openai::chunk::{Chunks, Plan, Shape, failed};
use crate::dialect::openai::wire::Head;
use crate::dialect::stream::{self, json};
use crate::generate::{Event, ToolCall};

const SHAPE: Shape = Shape { before: ",\"delta\":{", empty: "", after: "}" };

/// The stream of a chat: for each answer a chunk with the role, chunks with thoughts, text and calls
/// and one with the reason of its end; at last the usage, if it was asked for, and `[DONE]`.
pub(super) struct Encoder {
    chunks: Chunks,
    calls: Calls,
    /// The call whose arguments follow.
    call: u32,
}

/// The first fragment of a call; later ones repeat neither id nor name, which clients would join.
#[derive(Serialize)]
struct CallStart<'a> {
    index: u32,
    id: &'a str,
    r#type: &'static str,
    function: FunctionStart<'a>,
}

#[derive(Serialize)]
struct FunctionStart<'a> {
    name: &'a str,
    arguments: &'static str,
}

impl Encoder {
    pub(super) fn new(head: &Head, calls: Calls, plan: Plan) -> Self {
        Self { chunks: Chunks::new(head, &SHAPE, plan), calls, call: 0 }
    }

    fn text(&self, field: &[u8], text: &str, out: &mut BytesMut) {
        self.chunks.piece(out, |out| {
            out.put_slice(field);
            json(text, out);
        });
    }

    fn call(&mut self, call: &ToolCall, out: &mut BytesMut) {
        self.call = call.index;
        let function = FunctionStart { name: &call.name, arguments: "" };
        self.chunks.piece(out, |out| {
            if self.calls == Calls::Legacy {
                out.put_slice(b"\"function_call\":");
                return json(&function, out);
            }
            let start = CallStart { index: call.index, id: &call.id, r#type: "function", function };
            out.put_slice(b"\"tool_calls\":[");
            json(&start, out);
            out.put_slice(b"]");
        });
    }

    fn arguments(&self, more: &str, out: &mut BytesMut) {
        self.chunks.piece(out, |out| {
            if self.calls == Calls::Legacy {
                out.put_slice(b"\"function_call\":{\"arguments\":");
                json(more, out);
                return out.put_slice(b"}");
            }
            out.put_slice(b"\"tool_calls\":[{\"index\":");
            json(&self.call, out);
            out.put_slice(b",\"function\":{\"arguments\":");
            json(more, out);
            out.put_slice(b"}}]");
        });
    }
}

impl stream::Encoder for Encoder {
    const CONTENT_TYPE: &'static str = stream::SSE;
    const KEEP_ALIVE: &'static [u8] = stream::SSE_COMMENT;

    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Started => self.chunks.piece(out, |out| {
                out.put_slice(b"\"role\":\"assistant\",\"content\":\"\"");
            }),
            Event::Text(text) => self.text(b"\"content\":", &text, out),
            Event::Thought(text) => self.text(b"\"reasoning_content\":", &text, out),
            Event::ToolCall(call) => self.call(&call, out),
            Event::Arguments(more) => self.arguments(&more, out),
            Event::Done(done) => {
                let reason = reason(done.finish, self.calls);
                self.chunks.done(&done, reason, out);
            }
            Event::Failed(error) => failed(&error, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::scripted::{self, call, done, text, thought};
    use crate::error::{Code, Error};
    use crate::generate::Finish;

    const ONE: Plan = Plan { n: 1, total: 1, usage: false };

    fn encoded(calls: Calls, plan: Plan, events: Vec<Event>) -> String {
        scripted::encoded(
            Encoder::new(&scripted::head("chat.completion.chunk"), calls, plan),
            events,
        )
    }

    /// Two calls, the first one's arguments in two pieces.
    fn calling() -> Vec<Event> {
        let mut events = vec![Event::Started, text("Let me look.")];
        events.extend([call(0, "weather"), Event::Arguments("{\"city\":".to_owned())]);
        events.extend([Event::Arguments("\"Oslo\"}".to_owned()), call(1, "time")]);
        events.extend([Event::Arguments("{}".to_owned()), done(Finish::ToolCalls)]);
        events
    }

    #[test]
    fn pieces_of_text() {
        let events =
            vec![Event::Started, text("Hel"), text("lo \"\u{1f600}\"\n"), done(Finish::Stop)];
        insta::assert_snapshot!(encoded(Calls::Current, ONE, events));
    }

    #[test]
    fn usage_comes_once_and_without_a_choice() {
        let plan = Plan { usage: true, ..ONE };
        let events = vec![Event::Started, text("Hi"), done(Finish::Stop)];
        insta::assert_snapshot!(encoded(Calls::Current, plan, events));
    }

    #[test]
    fn thoughts_then_text_then_the_limit() {
        let events = vec![
            Event::Started,
            thought("The user"),
            thought(" greets."),
            text("Hi"),
            done(Finish::Length),
        ];
        insta::assert_snapshot!(encoded(Calls::Current, ONE, events));
    }

    #[test]
    fn several_calls() {
        insta::assert_snapshot!(encoded(Calls::Current, ONE, calling()));
    }

    #[test]
    fn legacy_calls() {
        let mut events = vec![Event::Started, text("Let me look."), call(0, "weather")];
        events.extend(["{\"city\":", "\"Oslo\"}"].map(|more| Event::Arguments(more.to_owned())));
        events.push(done(Finish::ToolCalls));
        insta::assert_snapshot!(encoded(Calls::Legacy, ONE, events));
    }

    #[test]
    fn several_answers_have_their_index_and_one_end() {
        let plan = Plan { n: 2, total: 2, usage: true };
        let mut events = vec![Event::Started, text("One"), done(Finish::Stop)];
        events.extend([Event::Started, call(0, "time"), Event::Arguments("{}".to_owned())]);
        events.push(done(Finish::ToolCalls));
        insta::assert_snapshot!(encoded(Calls::Current, plan, events));
    }

    #[test]
    fn a_failure_ends_the_stream_without_a_reason() {
        let failed = || Event::Failed(Error::new(Code::RuntimeCrashed, "the runtime crashed"));
        let plan = Plan { usage: true, ..ONE };
        let before = encoded(Calls::Current, plan, vec![failed()]);
        let within = encoded(Calls::Current, plan, vec![Event::Started, text("Hel"), failed()]);
        insta::assert_snapshot!(format!("{before}---\n{within}"));
    }

    #[test]
    fn a_sign_of_life_is_a_comment() {
        assert_eq!(<Encoder as stream::Encoder>::KEEP_ALIVE, b": keep-alive\n\n");
    }
}
