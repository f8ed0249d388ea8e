use std::sync::Arc;

use rkllm_chat::{Message, Role};
use serde_json::Value;

use super::super::response::Echo;
use super::super::store::{Shelf, Store};
use super::*;
use crate::dialect::openai::scripted::{call, done, text, thought};
use crate::dialect::stream::Encoder as _;
use crate::error::Code;

fn encoder(show: Show, keep: Option<Keep>) -> Encoder {
    let echo = Echo::new("m".to_owned());
    let draft = Draft { id: "resp_1".to_owned(), created_at: 1_760_000_000, echo };
    Encoder::new(draft, show, keep)
}

fn encoded(mut encoder: Encoder, events: Vec<Event>) -> String {
    let mut out = BytesMut::new();
    stream::Encoder::begin(&mut encoder, &mut out);
    for event in events {
        encoder.encode(event, &mut out);
    }
    String::from_utf8(out.to_vec()).unwrap()
}

/// The events' data, after a check of what holds for all streams.
fn data(stream: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for (number, event) in stream.split_terminator("\n\n").enumerate() {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], *name.strip_prefix("event: ").unwrap());
        assert_eq!(data["sequence_number"], number);
        events.push(data);
    }
    events
}

/// One event a line, without what is the same in all of them; of a response what changes.
fn lines(show: Show, events: Vec<Event>) -> String {
    let mut lines = String::new();
    for mut event in data(&encoded(encoder(show, None), events)) {
        let fields = event.as_object_mut().unwrap();
        fields.remove("sequence_number");
        let name = fields.remove("type").unwrap();
        if let Some(response) = fields.get_mut("response").and_then(Value::as_object_mut) {
            let changing = ["status", "output", "error", "incomplete_details", "usage"];
            response.retain(|key, value| changing.contains(&key.as_str()) && !value.is_null());
        }
        lines.push_str(&format!("{} {event}\n", name.as_str().unwrap()));
    }
    lines
}

/// Two calls, the first one's arguments in two pieces.
fn calling() -> Vec<Event> {
    let mut events = vec![Event::Started, call(0, "weather")];
    events.extend(["{\"city\":", "\"Oslo\"}"].map(|more| Event::Arguments(more.to_owned())));
    events.extend([call(1, "time"), Event::Arguments("{}".to_owned()), done(Finish::ToolCalls)]);
    events
}

fn crash() -> Event {
    Event::Failed(Error::new(Code::RuntimeCrashed, "the runtime crashed"))
}

#[test]
fn text_byte_by_byte() {
    let events = vec![Event::Started, text("Hel"), text("lo \"\u{1f600}\"\n"), done(Finish::Stop)];
    insta::assert_snapshot!(encoded(encoder(Show::default(), None), events));
}

#[test]
fn thoughts_then_text() {
    let events = || {
        let thoughts = [thought("The user"), thought(" greets.")];
        let rest = [text("Hi"), done(Finish::Stop)];
        [Event::Started].into_iter().chain(thoughts).chain(rest).collect()
    };
    insta::assert_snapshot!(lines(Show::default(), events()));
    insta::assert_snapshot!(lines(Show { summary: true }, events()));
}

#[test]
fn several_calls() {
    insta::assert_snapshot!(lines(Show::default(), calling()));
}

#[test]
fn text_between_calls_is_an_item_of_its_own() {
    let mut events = vec![Event::Started, text("First."), call(0, "time")];
    events.extend([Event::Arguments("{}".to_owned()), text("Then."), done(Finish::ToolCalls)]);
    let events = data(&encoded(encoder(Show::default(), None), events));
    let output = events.last().unwrap()["response"]["output"].as_array().unwrap();
    let ids: Vec<_> = output.iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, ["msg_10", "fc_11", "msg_12"]);
}

#[test]
fn the_limit_makes_an_answer_incomplete() {
    let events = vec![Event::Started, thought("Hm."), text("Hel"), done(Finish::Length)];
    insta::assert_snapshot!(lines(Show::default(), events));
}

#[test]
fn an_empty_answer_is_an_empty_message() {
    let events = vec![Event::Started, done(Finish::Stop)];
    insta::assert_snapshot!(lines(Show::default(), events));
}

#[test]
fn a_failure_is_the_last_event() {
    insta::assert_snapshot!(lines(Show::default(), vec![Event::Started, text("Hel"), crash()]));
    let before = data(&encoded(encoder(Show::default(), None), vec![crash()]));
    let names: Vec<_> = before.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(names, ["response.created", "response.in_progress", "response.failed"]);
}

#[test]
fn what_was_streamed_is_kept_unless_it_failed() {
    let shelf = Shelf { store: Arc::new(Store::default()), owner: None };
    let keep = || Some(Keep::new(&shelf, &[Message::new(Role::User, "hi")]));
    encoded(encoder(Show::default(), keep()), vec![Event::Started, text("Hel"), crash()]);
    assert!(shelf.get("resp_1").is_none());
    let stream = encoded(encoder(Show::default(), keep()), calling());
    let last = data(&stream).pop().unwrap();
    let kept: Value = serde_json::from_slice(&shelf.get("resp_1").unwrap()).unwrap();
    assert_eq!(kept, last["response"]);
    let conversation = shelf.conversation("resp_1").unwrap();
    insta::assert_snapshot!(serde_json::to_string(&conversation[1]).unwrap(), @r#"{"role":"assistant","content":"","reasoning":null,"tool_calls":[{"id":"call_0","name":"weather","arguments":{"city":"Oslo"}},{"id":"call_1","name":"time","arguments":{}}],"tool_call_id":null,"name":null}"#);
}

#[test]
fn a_sign_of_life_is_a_comment() {
    assert_eq!(Encoder::KEEP_ALIVE, b": keep-alive\n\n");
}
