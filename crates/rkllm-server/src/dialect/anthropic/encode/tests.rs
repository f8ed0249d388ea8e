//! Every sequence of events, as bytes on the wire.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::dialect::stream::Encoder as _;
use crate::error::Code;
use crate::generate::{Finish, Timings, Usage as Used};

const ALL: Thoughts = Thoughts::All;

pub(in crate::dialect::anthropic) fn head() -> Head {
    Head { id: "msg_01A".into(), model: "qwen3-0.6b".into() }
}

pub(in crate::dialect::anthropic) fn done(finish: Finish) -> Done {
    Done {
        finish,
        stop: None,
        usage: Used { prompt: 42, cached: 40, completion: 17, thoughts: 0 },
        timings: Timings { decode: Duration::from_secs(1), ..Timings::default() },
    }
}

fn call(index: u32) -> Event {
    let id = format!("call_{index}B");
    Event::ToolCall(ToolCall { index, id, name: "get_weather".into() })
}

fn text(text: &str) -> Event {
    Event::Text(text.into())
}

fn thought(text: &str) -> Event {
    Event::Thought(text.into())
}

fn arguments(text: &str) -> Event {
    Event::Arguments(text.into())
}

/// What comes after the beginning, which is always the same.
fn encoded(thoughts: Thoughts, events: impl IntoIterator<Item = Event>) -> String {
    let mut encoder = Encoder::new(head(), 42, thoughts);
    let mut out = BytesMut::new();
    for event in events {
        encoder.encode(event, &mut out);
    }
    let out = String::from_utf8(out.into()).unwrap();
    check(&out);
    out
}

/// Each event is two lines and its name is that of its data.
fn check(out: &str) {
    for event in out.split_terminator("\n\n") {
        let (name, data) = event.split_once('\n').unwrap();
        let data: serde_json::Value =
            serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], *name.strip_prefix("event: ").unwrap());
    }
}

#[test]
fn a_stream_begins_before_anything_is_known() {
    let mut out = BytesMut::new();
    Encoder::new(head(), 0, ALL).begin(&mut out);
    check(std::str::from_utf8(&out).unwrap());
    insta::assert_snapshot!(std::str::from_utf8(&out).unwrap());
}

#[test]
fn a_text_is_one_block() {
    let events =
        [Event::Started, text("Hel"), text("lo \"you\"\n"), Event::Done(done(Finish::Stop))];
    insta::assert_snapshot!(encoded(ALL, events));
}

#[test]
fn thoughts_come_in_a_block_of_their_own_with_a_signature() {
    let events = || {
        let done = Event::Done(done(Finish::Stop));
        [Event::Started, thought("Let me "), thought("think."), text("Hello"), done]
    };
    insta::assert_snapshot!("thoughts_all", encoded(ALL, events()));
    insta::assert_snapshot!("thoughts_place", encoded(Thoughts::Place, events()));
    let without = encoded(Thoughts::None, events());
    assert!(!without.contains("thinking") && without.contains("\"index\":0"), "{without}");
}

#[test]
fn tools_come_after_text_and_one_after_the_other() {
    let events = || {
        [
            Event::Started,
            text("Checking."),
            call(0),
            arguments("{\"city\":"),
            arguments(" \"Oslo\"}"),
            call(1),
            Event::Done(done(Finish::ToolCalls)),
        ]
    };
    insta::assert_snapshot!("tools", encoded(ALL, events()));
}

#[test]
fn ends() {
    let end = |done: Done| {
        let all = encoded(ALL, [text("x"), Event::Done(done)]);
        let (_, end) = all.split_once("event: message_delta\n").unwrap();
        end.lines().next().unwrap().to_owned()
    };
    let stopped = Done { stop: Some("\nUser:".into()), ..done(Finish::Stop) };
    insta::assert_snapshot!([end(done(Finish::Length)), end(stopped)].join("\n"), @r#"
    data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"input_tokens":2,"cache_creation_input_tokens":0,"cache_read_input_tokens":40,"output_tokens":17}}
    data: {"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"\nUser:"},"usage":{"input_tokens":2,"cache_creation_input_tokens":0,"cache_read_input_tokens":40,"output_tokens":17}}
    "#);
}

#[test]
fn an_answer_of_nothing_is_complete() {
    insta::assert_snapshot!(encoded(ALL, [Event::Started, Event::Done(done(Finish::Stop))]), @r#"
    event: message_delta
    data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":2,"cache_creation_input_tokens":0,"cache_read_input_tokens":40,"output_tokens":17}}

    event: message_stop
    data: {"type":"message_stop"}
    "#);
}

#[test]
fn failures_are_events() {
    let failed = || Event::Failed(Error::new(Code::RuntimeCrashed, "the runtime crashed"));
    insta::assert_snapshot!(encoded(ALL, [failed()]), @r#"
    event: error
    data: {"type":"error","error":{"type":"api_error","message":"the runtime crashed"}}
    "#);
    let late = encoded(ALL, [text("x"), failed()]);
    assert!(late.contains("text_delta") && late.ends_with("crashed\"}}\n\n"), "{late}");
    assert!(!late.contains("message_stop"), "{late}");
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        ".{1,8}".prop_map(Event::Text),
        ".{1,8}".prop_map(Event::Thought),
        (0..9u32).prop_map(call),
    ]
}

proptest! {
    /// Clients rely on it: one block open at a time, indices one after the other, deltas of the
    /// open block only, its kind fit for them.
    #[test]
    fn blocks_follow_each_other(
        events in prop::collection::vec(any_event(), 0..20),
    ) {
        let ended = events.into_iter().chain([Event::Done(done(Finish::Stop))]);
        let out = encoded(ALL, ended);
        let (mut next, mut open) = (0, None);
        for line in out.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            match event["type"].as_str().unwrap() {
                "content_block_start" => {
                    prop_assert!(open.is_none() && event["index"] == next);
                    open = Some(event["content_block"]["type"].as_str().unwrap().to_owned());
                }
                "content_block_delta" => {
                    prop_assert_eq!(&event["index"], next);
                    let fit = match event["delta"]["type"].as_str().unwrap() {
                        "text_delta" => "text",
                        "thinking_delta" | "signature_delta" => "thinking",
                        _ => "tool_use",
                    };
                    prop_assert_eq!(open.as_deref(), Some(fit));
                }
                "content_block_stop" => {
                    prop_assert!(open.take().is_some() && event["index"] == next);
                    next += 1;
                }
                _ => prop_assert!(open.is_none()),
            }
        }
    }
}

#[test]
fn a_sign_of_life_is_a_ping() {
    assert_eq!(Encoder::KEEP_ALIVE, b"event: ping\ndata: {\"type\":\"ping\"}\n\n");
}
