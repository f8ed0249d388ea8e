//! What a client is sent: the native API's stream events, each with the name of its request.

use serde::Serialize;

use super::id::Id;
use crate::dialect::native::encode;
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

/// One event of an answer, as the messages that say it.
pub(super) fn event(id: &Id, event: Event) -> Vec<String> {
    let mut messages = Vec::with_capacity(1);
    encode::told(event, |event| messages.push(named(Some(id), event)));
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
    use crate::generate::{Done, Finish, Timings, Usage};

    fn id(json: &str) -> Id {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_message_carries_its_request() {
        let one = id("1");
        let done = Done {
            finish: Finish::Stop,
            stop: None,
            usage: Usage { prompt: 12, cached: 8, completion: 2 },
            timings: Timings { decode: Duration::from_millis(500), ..Timings::default() },
        };
        let busy = Error::new(Code::Busy, "the line is full");
        let said = [
            event(&one, Event::Started),
            event(&one, Event::Text("Hi \"you\"\n".into())),
            event(&one, Event::Done(done)),
            event(&id(r#""a""#), Event::Failed(busy.clone())),
            vec![error(None, &busy), ignored(&one, &["mood".into()]), cancelled(&one, true)],
        ]
        .concat();
        for message in &said {
            serde_json::from_str::<serde_json::Value>(message).unwrap();
        }
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn the_end_mark_written_by_the_model_is_no_end() {
        let said = event(&id("1"), Event::Text("[DONE]".into()));
        assert_eq!(said, [r#"{"id":1,"content":"["}"#, r#"{"id":1,"content":"DONE]"}"#]);
    }
}
