//! The turns of a conversation.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A turn of the operator, which says how the model shall behave.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// A turn of the person.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// A turn of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

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
    use proptest::prelude::*;

    pub(crate) fn role() -> impl Strategy<Value = Role> {
        prop::sample::select(vec![Role::System, Role::User, Role::Assistant, Role::Tool])
    }

    prop_compose! {
        pub(crate) fn message()(role in role(), content: String) -> Message {
            Message { role, content }
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
    fn content_is_required() {
        for json in [r#"{"role": "user"}"#, r#"{"role": "user", "content": null}"#] {
            assert!(serde_json::from_str::<Message>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(message in message()) {
            let json = serde_json::to_string(&message).unwrap();
            prop_assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
        }
    }
}
