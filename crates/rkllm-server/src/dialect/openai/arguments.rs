//! Arguments of earlier function calls, which come back as the model wrote them.

use serde_json::{Map, Value};

/// The name under which arguments stand that are no object.
const RAW: &str = "arguments";

/// Arguments as the object that chat templates read. What is none is kept as the object's only
/// member: refusing it would end the conversation for good, because it is in the history.
pub(super) fn object(arguments: Option<Value>) -> Value {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_objects_however_they_come() {
        let object_of = |value: Value| object(Some(value));
        assert_eq!(object_of(json!(r#"{"city": "Oslo"}"#)), json!({"city": "Oslo"}));
        assert_eq!(object_of(json!({"city": "Oslo"})), json!({"city": "Oslo"}));
        for empty in [json!(""), json!(" \n"), json!("null"), json!(null), json!("{}")] {
            assert_eq!(object_of(empty), json!({}));
        }
        assert_eq!(object(None), json!({}));
    }

    #[test]
    fn what_is_broken_is_kept() {
        let broken = r#"{"city": "Os"#;
        assert_eq!(object(Some(json!(broken))), json!({ "arguments": broken }));
        assert_eq!(object(Some(json!("[1]"))), json!({"arguments": [1]}));
        assert_eq!(object(Some(json!(7))), json!({"arguments": 7}));
    }

    proptest! {
        #[test]
        fn whatever_a_model_wrote_becomes_an_object(text in ".{0,40}|[\\[{\"\\]}:, a0]{0,20}") {
            prop_assert!(object(Some(Value::String(text))).is_object());
        }
    }
}
