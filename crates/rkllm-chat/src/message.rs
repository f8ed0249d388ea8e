//! One message of a conversation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions that hold for the whole conversation.
    System,
    /// The person, or the program, that asks.
    #[default]
    User,
    /// The model.
    Assistant,
    /// A function that the model called; the message is its result.
    Tool,
}

impl Role {
    /// The name that templates and HTTP APIs use: lowercase ASCII.
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
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        [Self::System, Self::User, Self::Assistant, Self::Tool]
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or_else(|| Error::UnknownRole { role: name.to_owned() })
    }
}

/// A function call that the model asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolCall {
    /// What the result refers to by [`Message::tool_call_id`].
    pub id: Option<String>,
    /// Name of the function.
    pub name: String,
    /// What it is called with: a JSON object by parameter name. A string that holds such an object
    /// counts as the object; another string is shown as it is.
    pub arguments: Value,
}

/// One message of a conversation.
///
/// Templates see it in the shape that Hugging Face `transformers` documents: `message.role`,
/// `message.content`, `message.reasoning_content`, `message.tool_calls[0].function.name`,
/// `message.tool_call_id` and `message.name`; what is absent is undefined there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, as plain text; may be empty beside tool calls.
    pub content: String,
    /// What the model thought before it said so, without tags around it.
    pub reasoning: Option<String>,
    /// The functions that the model calls, in its own order.
    pub tool_calls: Vec<ToolCall>,
    /// The call that this message is the result of.
    pub tool_call_id: Option<String>,
    /// Name of the speaker, or of the function that this message is the result of.
    pub name: Option<String>,
}

impl Message {
    /// A message that consists of a text.
    ///
    /// ```
    /// use rkllm_chat::{Message, Role};
    ///
    /// let message = Message::new(Role::User, "Hello");
    /// assert_eq!(message.role.to_string(), "user");
    /// let thoughtful = Message { reasoning: Some("A greeting.".into()), ..message };
    /// assert_eq!(thoughtful.content, "Hello");
    /// ```
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in [Role::System, Role::User, Role::Assistant, Role::Tool] {
            assert_eq!(role.to_string().parse::<Role>().unwrap(), role);
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }

    #[test]
    fn an_unknown_role_is_named_in_the_error() {
        let error = "System".parse::<Role>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown role \"System\": use system, user, assistant or tool"
        );
    }

    #[test]
    fn a_message_comes_back_from_where_it_was_sent() {
        let call = ToolCall {
            id: Some("1".to_owned()),
            name: "weather".to_owned(),
            arguments: serde_json::json!({ "city": "Paris", "days": [1, 2.5, null] }),
        };
        let message = Message {
            reasoning: Some("Look it up.".to_owned()),
            tool_calls: vec![call],
            ..Message::new(Role::Assistant, "")
        };
        let sent = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&sent).unwrap(), message);
    }

    #[test]
    fn what_is_not_said_is_absent() {
        let read: Message = serde_json::from_str(r#"{"role":"tool","content":"21 °C"}"#).unwrap();
        assert_eq!(read, Message::new(Role::Tool, "21 °C"));
    }
}
