//! What a client sends.

use serde::Deserialize;

use super::id::Id;
use crate::dialect::json;
use crate::dialect::native::parse::{self, Parsed};
use crate::error::Error;

/// An example of a message, for error messages.
const EXAMPLE: &str =
    r#"{"id": 1, "type": "chat", "messages": [{"role": "user", "content": "Hello"}]}"#;

/// One message of a client.
pub(super) enum Inbound {
    /// Something to be answered.
    Ask(Box<Ask>),
    /// The answer to this request is no longer wanted.
    Cancel(Id),
}

/// A request of the native API, with a name.
pub(super) struct Ask {
    pub(super) id: Id,
    pub(super) parsed: Parsed,
}

/// A message that was not understood, and the request that it was about, if it says so.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) id: Option<Id>,
    pub(super) error: Error,
}

/// What each message has, whatever its type.
#[derive(Deserialize)]
struct Head {
    id: Option<Id>,
    r#type: Option<String>,
    stream: Option<bool>,
}

impl Inbound {
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let (head, _) = json::parse::<Head>(text.as_bytes(), EXAMPLE)
            .map_err(|error| Refused { id: None, error })?;
        let Some(id) = head.id else {
            let error = Error::invalid(format!("id is missing; send for example {EXAMPLE}"));
            return Err(Refused { id: None, error });
        };
        let parsed = match head.r#type.as_deref() {
            Some("chat") => parse::chat(text.as_bytes()),
            Some("generate") => parse::generate(text.as_bytes()),
            Some("cancel") => return Ok(Self::Cancel(id)),
            Some(_) => Err(bad_type("is unknown")),
            None => Err(bad_type("is missing")),
        };
        match parsed {
            Ok(mut parsed) => {
                parsed.ignored.retain(|name| name != "id" && name != "type");
                if head.stream == Some(false) {
                    parsed.ignored.push("stream".to_owned());
                }
                Ok(Self::Ask(Box::new(Ask { id, parsed })))
            }
            Err(error) => Err(Refused { id: Some(id), error }),
        }
    }
}

fn bad_type(what: &str) -> Error {
    Error::invalid(format!(
        "type {what}; it is chat, generate or cancel; send for example {EXAMPLE}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Ask {
        match Inbound::parse(text).unwrap_or_else(|refused| panic!("{refused:?}")) {
            Inbound::Ask(ask) => *ask,
            Inbound::Cancel(id) => panic!("cancels {id:?}"),
        }
    }

    #[test]
    fn requests_are_those_of_the_native_api_with_a_name() {
        let chat =
            ask(r#"{"id": "a\"1", "type": "chat", "messages": [{"role": "user", "content": "Hi"}],
                "temperature": 0, "mood": 1}"#);
        assert_eq!(chat.id.json(), r#""a\"1""#);
        assert_eq!(chat.parsed.role, "messages[0].role");
        assert_eq!(chat.parsed.request.messages()[0].content, "Hi");
        assert_eq!(chat.parsed.request.tuning.temperature, Some(0.0));
        assert_eq!(chat.parsed.ignored, ["mood"]);
        let generate = ask(r#"{"id": -7, "type": "generate", "prompt": "Hi", "stream": true}"#);
        assert_eq!(generate.id.json(), "-7");
        assert_eq!(generate.parsed.role, "role");
        assert!(generate.parsed.ignored.is_empty());
    }

    #[test]
    fn answers_come_in_pieces_whatever_the_request_says() {
        let ask = ask(r#"{"id": 1, "type": "generate", "prompt": "Hi", "stream": false}"#);
        assert_eq!(ask.parsed.ignored, ["stream"]);
    }

    #[test]
    fn a_request_is_cancelled_by_name() {
        let message = Inbound::parse(r#"{"type": "cancel", "id": "x"}"#);
        assert!(matches!(message, Ok(Inbound::Cancel(id)) if id.json() == r#""x""#));
    }

    #[test]
    fn refusals_name_the_request_where_it_is_known() {
        let refused = |text: &str| match Inbound::parse(text) {
            Err(Refused { id, error }) => {
                format!("{}: {error}", id.map_or_else(|| "null".into(), |id| id.json().to_owned()))
            }
            Ok(_) => panic!("{text} is taken"),
        };
        let long = format!(r#"{{"id": "{}", "type": "cancel"}}"#, "x".repeat(199));
        insta::assert_snapshot!(
            [
                refused(""),
                refused("[]"),
                refused(r#"{"type": "chat"}"#),
                refused(r#"{"id": null, "type": "chat"}"#),
                refused(r#"{"id": 1.5, "type": "chat"}"#),
                refused(&long),
                refused(r#"{"id": 1}"#),
                refused(r#"{"id": 1, "type": "embed"}"#),
                refused(r#"{"id": 1, "type": "chat", "messages": []}"#),
                refused(r#"{"id": "x", "type": "generate", "prompt": 5}"#),
            ]
            .join("\n")
        );
    }
}
