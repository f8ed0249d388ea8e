//! One message of a conversation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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

/// One message of a conversation, as a template sees it: `message.role`, `message.content`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, as plain text.
    pub content: String,
    /// What the model thought before it said that; assistant only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The functions that the model called; assistant only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that this is the result of; tool only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// The name of the speaker, or of the function whose result this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A function that the model called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What the result refers to.
    pub id: Option<String>,
    /// The function.
    pub name: String,
    /// The arguments: a JSON object.
    pub arguments: serde_json::Value,
}

impl Message {
    /// A message from its two parts.
    ///
    /// ```
    /// use rkllm_chat::{Message, Role};
    ///
    /// let message = Message::new(Role::User, "Hello");
    /// assert_eq!(message.role.to_string(), "user");
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
    fn a_message_serializes_to_plain_strings() {
        let message = Message::new(Role::Tool, "21 °C");
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"role":"tool","content":"21 °C"}"#
        );
    }
}
