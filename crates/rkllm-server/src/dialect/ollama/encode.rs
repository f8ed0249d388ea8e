//! Events as lines, and whole answers as one.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::line::{Call, End, Line, Said, Shape};
use super::reply::{self, Fault};
use super::time::Time;
use crate::dialect::{Collected, stream};
use crate::error::Error;
use crate::generate::{Event, ToolCall};

/// The content type of lines.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// The stream of one answer. Thoughts, text and calls stand in lines of their own; a call waits until
/// it is whole.
pub(super) struct Encoder {
    shape: Shape,
    model: String,
    clock: fn() -> Time,
    call: Option<Pending>,
    over: bool,
}

/// A call whose arguments are on their way.
struct Pending {
    call: ToolCall,
    arguments: String,
}

impl Encoder {
    pub(super) fn new(shape: Shape, model: String) -> Self {
        Self { shape, model, clock: Time::now, call: None, over: false }
    }

    fn say(&self, said: Said<'_>, out: &mut BytesMut) {
        line(&Line::new(self.shape, &self.model, (self.clock)(), said), out);
    }

    /// Ends the stream; what comes after it is not sent.
    fn fail(&mut self, error: &Error, out: &mut BytesMut) {
        self.over = true;
        line(&Fault { error: reply::words(error) }, out);
    }

    /// Sends the call that is whole now, if there is one.
    fn complete_call(&mut self, out: &mut BytesMut) {
        let Some(Pending { call: ToolCall { index, id, name }, arguments }) = self.call.take()
        else {
            return;
        };
        match Call::new(index, id, name, &arguments) {
            Ok(call) => self.say(Said { calls: &[call], ..Said::default() }, out),
            Err(error) => self.fail(&error, out),
        }
    }
}

impl stream::Encoder for Encoder {
    const CONTENT_TYPE: &'static str = NDJSON;
    // Every line means something.
    const KEEP_ALIVE: &'static [u8] = b"";

    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        if !matches!(event, Event::Arguments(_) | Event::Failed(_)) {
            self.complete_call(out);
        }
        if self.over {
            return;
        }
        match event {
            Event::Started => {}
            Event::Text(text) => self.say(Said { text: &text, ..Said::default() }, out),
            Event::Thought(thinking) => {
                self.say(Said { thinking: &thinking, ..Said::default() }, out);
            }
            Event::ToolCall(call) => self.call = Some(Pending { call, arguments: String::new() }),
            Event::Arguments(more) => {
                if let Some(call) = &mut self.call {
                    call.arguments.push_str(&more);
                }
            }
            Event::Done(done) => {
                self.say(Said { end: Some(&End::from(&done)), ..Said::default() }, out);
            }
            Event::Failed(error) => self.fail(&error, out),
        }
    }

    /// One line, because some programs read each chunk as one.
    fn chunk(ready: &mut BytesMut) -> Bytes {
        let end = ready.iter().position(|byte| *byte == b'\n').map_or(ready.len(), |end| end + 1);
        ready.split_to(end).freeze()
    }
}

/// Appends one line.
pub(super) fn line(value: &impl Serialize, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), value).expect("wire types serialise, memory takes all");
    out.put_u8(b'\n');
}

/// A whole answer, complete at that time, as one object.
pub(super) fn complete(
    shape: Shape,
    model: &str,
    at: Time,
    answer: Collected,
) -> Result<Vec<u8>, Error> {
    let call = |(index, call): (u32, crate::dialect::collect::CollectedCall)| {
        Call::new(index, call.id, call.name, &call.arguments)
    };
    let calls: Vec<Call> = (0..).zip(answer.tool_calls).map(call).collect::<Result<_, _>>()?;
    let end = End::from(&answer.done);
    let said =
        Said { text: &answer.text, thinking: &answer.thought, calls: &calls, end: Some(&end) };
    let line = Line::new(shape, model, at, said);
    Ok(serde_json::to_vec(&line).expect("wire types serialise"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::stream::Encoder as _;
    use super::*;
    use crate::error::Code;
    use crate::generate::{Done, Finish, Timings, Usage};

    fn noon() -> Time {
        Time::from(SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_355_200_250))
    }

    fn encode(shape: Shape, events: Vec<Event>) -> String {
        let mut encoder = Encoder { clock: noon, ..Encoder::new(shape, "m:1b".into()) };
        let mut out = BytesMut::new();
        for event in events {
            encoder.encode(event, &mut out);
        }
        let said = String::from_utf8(out.to_vec()).unwrap();
        for line in said.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line.get("error").is_none_or(serde_json::Value::is_string));
            assert!(line.get("type").is_none());
        }
        said
    }

    fn text(text: &str) -> Event {
        Event::Text(text.into())
    }

    fn call(index: u32, name: &str) -> Event {
        Event::ToolCall(ToolCall { index, id: format!("call_{index}"), name: name.into() })
    }

    fn arguments(more: &str) -> Event {
        Event::Arguments(more.into())
    }

    fn done(finish: Finish) -> Done {
        let timings = Timings {
            queue: Duration::from_millis(1),
            load: Duration::from_millis(2),
            prefill: Duration::from_millis(130),
            decode: Duration::from_millis(700),
        };
        let usage = Usage { prompt: 26, cached: 20, completion: 12, thoughts: 0 };
        Done { finish, stop: None, usage, timings }
    }

    #[test]
    fn a_text() {
        let events =
            vec![Event::Started, text("Hel"), text("lo\n\"x\""), Event::Done(done(Finish::Stop))];
        insta::assert_snapshot!(encode(Shape::Chat, events.clone()), @r#"
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"Hel"},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"lo\n\"x\""},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":833000000,"load_duration":2000000,"prompt_eval_count":26,"prompt_eval_duration":130000000,"eval_count":12,"eval_duration":700000000}
        "#);
        insta::assert_snapshot!(encode(Shape::Generate, events), @r#"
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","response":"Hel","done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","response":"lo\n\"x\"","done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","response":"","done":true,"done_reason":"stop","total_duration":833000000,"load_duration":2000000,"prompt_eval_count":26,"prompt_eval_duration":130000000,"eval_count":12,"eval_duration":700000000}
        "#);
    }

    #[test]
    fn thoughts_stand_before_the_text_and_apart_from_it() {
        let events = vec![
            Event::Started,
            Event::Thought("Let me ".into()),
            Event::Thought("see".into()),
            text("Yes"),
            Event::Done(done(Finish::Length)),
        ];
        insta::assert_snapshot!(encode(Shape::Chat, events.clone()), @r#"
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"","thinking":"Let me "},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"","thinking":"see"},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"Yes"},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"length","total_duration":833000000,"load_duration":2000000,"prompt_eval_count":26,"prompt_eval_duration":130000000,"eval_count":12,"eval_duration":700000000}
        "#);
        insta::assert_snapshot!(encode(Shape::Generate, events), @r#"
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","response":"","thinking":"Let me ","done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","response":"","thinking":"see","done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","response":"Yes","done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","response":"","done":true,"done_reason":"length","total_duration":833000000,"load_duration":2000000,"prompt_eval_count":26,"prompt_eval_duration":130000000,"eval_count":12,"eval_duration":700000000}
        "#);
    }

    #[test]
    fn calls_are_whole_and_their_arguments_are_objects() {
        let events = vec![
            Event::Started,
            text("I look."),
            call(0, "weather"),
            arguments("{\"city\":\n "),
            arguments("\"Oslo\"}"),
            call(1, "now"),
            Event::Done(done(Finish::ToolCalls)),
        ];
        insta::assert_snapshot!(encode(Shape::Chat, events), @r#"
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"I look."},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"","tool_calls":[{"id":"call_0","function":{"index":0,"name":"weather","arguments":{"city":"Oslo"}}}]},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","function":{"index":1,"name":"now","arguments":{}}}]},"done":false}
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":833000000,"load_duration":2000000,"prompt_eval_count":26,"prompt_eval_duration":130000000,"eval_count":12,"eval_duration":700000000}
        "#);
    }

    #[test]
    fn a_failure_is_the_last_line() {
        let failed = || Event::Failed(Error::new(Code::InferenceFailed, "the runtime failed"));
        insta::assert_snapshot!(encode(Shape::Chat, vec![failed()]), @r#"{"error":"the runtime failed"}"#);
        insta::assert_snapshot!(encode(Shape::Chat, vec![Event::Started, text("He"), failed()]), @r#"
        {"model":"m:1b","created_at":"2026-01-02T12:00:00.250000000Z","message":{"role":"assistant","content":"He"},"done":false}
        {"error":"the runtime failed"}
        "#);
        let cut = vec![call(0, "weather"), arguments("{\"ci"), failed()];
        insta::assert_snapshot!(encode(Shape::Chat, cut), @r#"{"error":"the runtime failed"}"#);
    }

    #[test]
    fn arguments_that_are_no_object_are_a_failure() {
        let events =
            vec![call(0, "weather"), arguments("[1]"), Event::Done(done(Finish::ToolCalls))];
        insta::assert_snapshot!(encode(Shape::Chat, events), @r#"{"error":"the model called weather with arguments that are no JSON object; ask again"}"#);
    }

    #[test]
    fn each_chunk_is_one_line() {
        let mut ready = BytesMut::from("{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(Encoder::chunk(&mut ready), "{\"a\":1}\n");
        assert_eq!(Encoder::chunk(&mut ready), "{\"b\":2}\n");
        assert!(ready.is_empty());
    }

    /// An answer with everything in it, as one object.
    fn whole(shape: Shape) -> serde_json::Value {
        let arguments = "{\"city\": \"Oslo\"}".to_owned();
        let call = crate::dialect::collect::CollectedCall {
            id: "call_0".into(),
            name: "weather".into(),
            arguments,
        };
        let answer = Collected {
            text: "Hello".into(),
            thought: "hm".into(),
            tool_calls: vec![call],
            done: done(Finish::Stop),
        };
        let whole = complete(shape, "m", noon(), answer).unwrap();
        serde_json::from_slice(&whole).unwrap()
    }

    #[test]
    fn a_whole_chat_has_everything_in_one_object() {
        insta::assert_json_snapshot!(whole(Shape::Chat), @r#"
        {
          "model": "m",
          "created_at": "2026-01-02T12:00:00.250000000Z",
          "message": {
            "role": "assistant",
            "content": "Hello",
            "thinking": "hm",
            "tool_calls": [
              {
                "id": "call_0",
                "function": {
                  "index": 0,
                  "name": "weather",
                  "arguments": {
                    "city": "Oslo"
                  }
                }
              }
            ]
          },
          "done": true,
          "done_reason": "stop",
          "total_duration": 833000000,
          "load_duration": 2000000,
          "prompt_eval_count": 26,
          "prompt_eval_duration": 130000000,
          "eval_count": 12,
          "eval_duration": 700000000
        }
        "#);
    }

    #[test]
    fn a_whole_text_has_everything_in_one_object() {
        insta::assert_json_snapshot!(whole(Shape::Generate), @r#"
        {
          "model": "m",
          "created_at": "2026-01-02T12:00:00.250000000Z",
          "response": "Hello",
          "thinking": "hm",
          "done": true,
          "done_reason": "stop",
          "total_duration": 833000000,
          "load_duration": 2000000,
          "prompt_eval_count": 26,
          "prompt_eval_duration": 130000000,
          "eval_count": 12,
          "eval_duration": 700000000
        }
        "#);
    }

    #[test]
    fn silence_has_no_line() {
        assert_eq!(Encoder::KEEP_ALIVE, b"");
    }
}
