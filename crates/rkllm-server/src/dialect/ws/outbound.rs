//! What a client is sent: the native API's stream events, each with the name of its request.

use serde::Serialize;

use super::id::Id;
use crate::dialect::native::encode::{self, Narrator};
use crate::error::Error;
use crate::generate::Event;

/// What a request says without effect.
#[derive(Serialize)]
struct Ignored<'a> {
    ignored: &'a [String],
}

/// What became of a wish to cancel.
#[derive(Serialize)]
struct Cancelled {
    cancelled: bool,
}

/// One event of the answer that `narrator` tells, as the messages that say it.
pub(super) fn event(id: &Id, narrator: &mut Narrator, event: Event) -> Vec<String> {
    let mut messages = Vec::with_capacity(1);
    narrator.tell(event, |event| messages.push(named(Some(id), event)));
    messages
}

/// A failure, of a request or of a message that belongs to none.
pub(super) fn error(id: Option<&Id>, error: &Error) -> String {
    named(id, &encode::error(error))
}

/// The names of what a request says without effect.
pub(super) fn ignored(id: &Id, names: &[String]) -> String {
    named(Some(id), &Ignored { ignored: names })
}

/// Whether there was something to cancel.
pub(super) fn cancelled(id: &Id, cancelled: bool) -> String {
    named(Some(id), &Cancelled { cancelled })
}

/// An object with the request's name as its first field.
fn named(id: Option<&Id>, object: &impl Serialize) -> String {
    let mut json = Vec::with_capacity(96);
    json.extend_from_slice(b"{\"id\":");
    json.extend_from_slice(id.map_or("null", Id::json).as_bytes());
    let brace = json.len();
    serde_json::to_writer(&mut json, object).expect("wire types serialise, memory takes all");
    // The object has fields, so its opening brace is where a comma belongs.
    json[brace] = b',';
    String::from_utf8(json).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Code;
    use crate::generate::{Done, Finish, Timings, ToolCall, Usage};

    fn id(json: &str) -> Id {
        serde_json::from_str(json).unwrap()
    }

    fn told(id: &str, events: Vec<Event>) -> Vec<String> {
        let (id, mut narrator) = (self::id(id), Narrator::default());
        events.into_iter().flat_map(|one| event(&id, &mut narrator, one)).collect()
    }

    fn done(finish: Finish) -> Event {
        Event::Done(Done {
            finish,
            stop: None,
            usage: Usage { prompt: 12, cached: 8, completion: 2, thoughts: 0 },
            timings: Timings { decode: Duration::from_millis(500), ..Timings::default() },
        })
    }

    #[test]
    fn every_message_carries_its_request() {
        let one = id("1");
        let busy = Error::new(Code::Busy, "the line is full");
        let text = Event::Text("Hi \"you\"\n".into());
        let said = [
            told("1", vec![Event::Started, text, done(Finish::Stop)]),
            told(r#""a""#, vec![Event::Failed(busy.clone())]),
            vec![error(None, &busy), ignored(&one, &["mood".into()]), cancelled(&one, true)],
        ]
        .concat();
        for message in &said {
            serde_json::from_str::<serde_json::Value>(message).unwrap();
        }
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn thoughts_and_calls_are_told_as_over_http() {
        let call = ToolCall { index: 0, id: "call_1".into(), name: "time".into() };
        let said = told(
            "1",
            vec![
                Event::Thought("Hm.".into()),
                Event::ToolCall(call),
                Event::Arguments("{\"zone\":".into()),
                Event::Arguments("1}".into()),
                done(Finish::ToolCalls),
            ],
        );
        insta::assert_snapshot!(said.join("\n"), @r#"
        {"id":1,"content":"","reasoning":"Hm."}
        {"id":1,"content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"time","arguments":"{\"zone\":1}"}}]}
        {"id":1,"content":"","finish_reason":"tool_calls","usage":{"prompt_tokens":12,"completion_tokens":2,"total_tokens":14,"cached_tokens":8},"timings":{"queue_ms":0.0,"prefill_ms":0.0,"decode_ms":500.0,"prefill_tokens":4,"decode_tokens":1,"tokens_per_second":2.0}}
        {"id":1,"content":"[DONE]"}
        "#);
    }

    #[test]
    fn the_end_mark_written_by_the_model_is_no_end() {
        let said = told("1", vec![Event::Text("[DONE]".into())]);
        assert_eq!(said, [r#"{"id":1,"content":"["}"#, r#"{"id":1,"content":"DONE]"}"#]);
    }
}
