//! Calls of functions that the model asks for.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{ToolKind, null};

/// A function call that the model asks for.
///
/// Its result is a [`Message`](crate::Message) of the role `tool` whose `tool_call_id` is [`id`](Self::id).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolCall {
    /// What the result refers to; unique in a conversation.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type", default, deserialize_with = "null::as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ToolKind>))]
    pub kind: ToolKind,
    /// Which function, and with what.
    pub function: CalledFunction,
}

impl ToolCall {
    /// A call of a function.
    pub fn function(id: impl Into<String>, function: CalledFunction) -> Self {
        Self { id: id.into(), kind: ToolKind::Function, function }
    }
}

/// Which function a [`ToolCall`] calls, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CalledFunction {
    /// The function's name.
    pub name: String,
    /// A JSON object, as text; an object as such is read as well.
    ///
    /// In an answer that was cut at the limit of tokens it may be cut, too.
    #[serde(default, deserialize_with = "text")]
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub arguments: String,
}

/// Reads JSON as text: a text as it stands, `null` as nothing, everything else as it is written.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        value => value.to_string(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        pub(crate) fn tool_call()([id, name, arguments]: [String; 3]) -> ToolCall {
            ToolCall::function(id, CalledFunction { name, arguments })
        }
    }

    #[test]
    fn arguments_are_text_however_they_come() {
        let read = |arguments: &str| {
            let json = format!(r#"{{"id": "1", "function": {{"name": "f"{arguments}}}}}"#);
            serde_json::from_str::<ToolCall>(&json).unwrap().function.arguments
        };
        assert_eq!(read(r#", "arguments": "{\"z\": 1}""#), r#"{"z": 1}"#);
        assert_eq!(read(r#", "arguments": {"z": 1, "a": [2]}"#), r#"{"z":1,"a":[2]}"#);
        assert_eq!(read(r#", "arguments": null"#), "");
        assert_eq!(read(""), "");
    }

    #[test]
    fn what_is_required_is_named() {
        let refused = |json| serde_json::from_str::<ToolCall>(json).unwrap_err();
        insta::assert_snapshot!(refused(r#"{"function": {"name": "f"}}"#), @"missing field `id` at line 1 column 27");
        insta::assert_snapshot!(refused(r#"{"id": "1", "function": {}}"#), @"missing field `name` at line 1 column 26");
    }

    proptest! {
        #[test]
        fn round_trip(call in tool_call()) {
            let json = serde_json::to_string(&call).unwrap();
            prop_assert_eq!(serde_json::from_str::<ToolCall>(&json).unwrap(), call);
        }
    }
}
