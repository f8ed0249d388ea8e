//! Events for tests of encoders.

use std::time::Duration;

use bytes::BytesMut;

use super::wire::Head;
use crate::dialect::stream::Encoder;
use crate::dialect::{Collected, CollectedCall};
use crate::generate::{Done, Event, Finish, Timings, ToolCall, Usage};

pub(super) fn head(object: &'static str) -> Head {
    Head { id: "id-1".to_owned(), object, created: 1_760_000_000, model: "org/\"m\"".to_owned() }
}

pub(super) fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

pub(super) fn thought(text: &str) -> Event {
    Event::Thought(text.to_owned())
}

pub(super) fn call(index: u32, name: &str) -> Event {
    Event::ToolCall(ToolCall { index, id: format!("call_{index}"), name: name.to_owned() })
}

pub(super) fn done(finish: Finish) -> Event {
    Event::Done(facts(finish))
}

pub(super) fn facts(finish: Finish) -> Done {
    Done {
        finish,
        stop: None,
        usage: Usage { prompt: 12, cached: 4, completion: 6, thoughts: 2 },
        timings: Timings {
            prefill: Duration::from_millis(500),
            decode: Duration::from_millis(250),
            ..Timings::default()
        },
    }
}

/// A whole answer that calls these functions.
pub(super) fn collected(text: &str, thought: &str, calls: &[&str]) -> Collected {
    let finish = if calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    let call = |name: &&str| CollectedCall {
        id: format!("call_{name}"),
        name: (*name).to_owned(),
        arguments: "{\"a\":1}".to_owned(),
    };
    Collected {
        text: text.to_owned(),
        thought: thought.to_owned(),
        tool_calls: calls.iter().map(call).collect(),
        done: facts(finish),
    }
}

pub(super) fn encoded(mut encoder: impl Encoder, events: Vec<Event>) -> String {
    let mut out = BytesMut::new();
    for event in events {
        encoder.encode(event, &mut out);
    }
    String::from_utf8(out.to_vec()).expect("chunks are text")
}
