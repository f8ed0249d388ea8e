//! Earlier function calls, which come back as the model wrote them.

use rkllm_chat::Message;
use serde_json::{Map, Value};

/// The name under which arguments stand that are no object.
const RAW: &str = "arguments";

/// Arguments as the object that chat templates read. What is none is kept as the object's only
/// member: refusing it would end the conversation for good, because it is in the history.
pub(super) fn arguments(arguments: Option<Value>) -> Value {
    match arguments {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(Value::String(text)) if text.trim().is_empty() => Value::Object(Map::new()),
        Some(Value::String(text)) => match serde_json::from_str(&text) {
            Ok(Value::Null) => Value::Object(Map::new()),
            Ok(value) => wrapped(value),
            Err(_) => wrapped(Value::String(text)),
        },
        Some(value) => wrapped(value),
    }
}

fn wrapped(value: Value) -> Value {
    match value {
        Value::Object(_) => value,
        value => Value::Object(Map::from_iter([(RAW.to_owned(), value)])),
    }
}

/// The function that was called under this id: templates may want its name with the result.
pub(super) fn called(earlier: &[Message], id: Option<&str>) -> Option<String> {
    let id = id?;
    let calls = earlier.iter().rev().flat_map(|message| &message.tool_calls);
    calls.into_iter().find(|call| call.id.as_deref() == Some(id)).map(|call| call.name.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_objects_however_they_come() {
        let read = |value: Value| arguments(Some(value));
        assert_eq!(read(json!(r#"{"city": "Oslo"}"#)), json!({"city": "Oslo"}));
        assert_eq!(read(json!({"city": "Oslo"})), json!({"city": "Oslo"}));
        for empty in [json!(""), json!(" \n"), json!("null"), json!(null), json!("{}")] {
            assert_eq!(read(empty), json!({}));
        }
        assert_eq!(arguments(None), json!({}));
    }

    #[test]
    fn what_is_broken_is_kept() {
        let broken = r#"{"city": "Os"#;
        assert_eq!(arguments(Some(json!(broken))), json!({ "arguments": broken }));
        assert_eq!(arguments(Some(json!("[1]"))), json!({"arguments": [1]}));
        assert_eq!(arguments(Some(json!(7))), json!({"arguments": 7}));
    }

    proptest! {
        #[test]
        fn whatever_a_model_wrote_becomes_an_object(text in ".{0,40}|[\\[{\"\\]}:, a0]{0,20}") {
            prop_assert!(arguments(Some(Value::String(text))).is_object());
        }
    }
}
