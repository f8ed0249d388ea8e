//! The turns of a conversation.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ToolCall;

/// One turn of a conversation.
///
/// ```
/// # use rkllm_api::Message;
/// let result = Message::tool("call_1", "21 °C");
/// assert_eq!(
///     serde_json::to_string(&result).unwrap(),
///     r#"{"role":"tool","content":"21 °C","tool_call_id":"call_1"}"#,
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; may be empty, and need not be there in turns of the model and results of tools.
    pub content: String,
    /// What the model thought before it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The functions that the model called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<ToolCall>>))]
    pub tool_calls: Vec<ToolCall>,
    /// The call that this is the result of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Name of the speaker, or of the function that this is the result of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Message {
    /// A turn of the operator, which says how the model shall behave.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// A turn of the person.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// A turn of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// The result of the call with this id.
    pub fn tool(tool_call_id: impl Into<String>, content: impl Into<String>) -> Self {
        Self { tool_call_id: Some(tool_call_id.into()), ..Self::new(Role::Tool, content) }
    }

    /// A turn that consists of a text.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), ..Self::default() }
    }
}

// Read by way of a struct without required content: programs leave it out, or send `null`, beside function calls.
const _: () = {
    #[derive(Deserialize)]
    struct Wire {
        role: Role,
        content: Option<String>,
        reasoning: Option<String>,
        tool_calls: Option<Vec<ToolCall>>,
        tool_call_id: Option<String>,
        name: Option<String>,
    }

    impl<'de> Deserialize<'de> for Message {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let wire = Wire::deserialize(deserializer)?;
            let silent = matches!(wire.role, Role::Assistant | Role::Tool).then(String::new);
            Ok(Self {
                role: wire.role,
                content: wire
                    .content
                    .or(silent)
                    .ok_or_else(|| D::Error::missing_field("content"))?,
                reasoning: wire.reasoning,
                tool_calls: wire.tool_calls.unwrap_or_default(),
                tool_call_id: wire.tool_call_id,
                name: wire.name,
            })
        }
    }
};

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The operator: how the model shall behave.
    System,
    /// The person.
    #[default]
    User,
    /// The model.
    Assistant,
    /// The result of a tool that the model called.
    Tool,
}

impl Role {
    /// The name on the wire and in chat templates.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::CalledFunction;
    use crate::tool_call::tests::tool_call;
    use proptest::prelude::*;

    pub(crate) fn role() -> impl Strategy<Value = Role> {
        prop::sample::select(vec![Role::System, Role::User, Role::Assistant, Role::Tool])
    }

    prop_compose! {
        pub(crate) fn message()(
            (role, content) in (role(), any::<String>()),
            tool_calls in prop::collection::vec(tool_call(), 0..3),
            [reasoning, tool_call_id, name]: [Option<String>; 3],
        ) -> Message {
            Message { role, content, reasoning, tool_calls, tool_call_id, name }
        }
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for role in [Role::System, Role::User, Role::Assistant, Role::Tool] {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }

    #[test]
    fn an_unknown_role_is_refused_with_the_known_ones() {
        let json = r#"{"role": "wizard", "content": "hi"}"#;
        let error = serde_json::from_str::<Message>(json).unwrap_err();
        insta::assert_snapshot!(error, @"unknown variant `wizard`, expected one of `system`, `user`, `assistant`, `tool` at line 1 column 17");
    }

    #[test]
    fn who_asks_has_to_say_something() {
        for role in ["system", "user"] {
            for content in ["", r#", "content": null"#] {
                let json = format!(r#"{{"role": "{role}"{content}}}"#);
                let error = serde_json::from_str::<Message>(&json).unwrap_err().to_string();
                assert!(error.starts_with("missing field `content`"), "{error}");
            }
        }
        for role in [Role::Assistant, Role::Tool] {
            for content in ["", r#", "content": null"#] {
                let json = format!(r#"{{"role": "{role}"{content}}}"#);
                assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), Message::new(role, ""));
            }
        }
    }

    #[test]
    fn wire_format_of_a_call_and_its_result() {
        let function =
            CalledFunction { name: "weather".into(), arguments: r#"{"city":"Oslo"}"#.into() };
        let messages = [
            Message {
                reasoning: Some("Look it up.".into()),
                tool_calls: vec![ToolCall::function("call_1", function)],
                ..Message::assistant("")
            },
            Message { name: Some("weather".into()), ..Message::tool("call_1", "rain") },
        ];
        insta::assert_json_snapshot!(messages, @r#"
        [
          {
            "role": "assistant",
            "content": "",
            "reasoning": "Look it up.",
            "tool_calls": [
              {
                "id": "call_1",
                "type": "function",
                "function": {
                  "name": "weather",
                  "arguments": "{\"city\":\"Oslo\"}"
                }
              }
            ]
          },
          {
            "role": "tool",
            "content": "rain",
            "tool_call_id": "call_1",
            "name": "weather"
          }
        ]
        "#);
    }

    proptest! {
        #[test]
        fn round_trip(message in message()) {
            let json = serde_json::to_string(&message).unwrap();
            prop_assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
        }
    }
}
