//! The messages of a conversation.

use rkllm_chat::{Message, Role, ToolCall};
use serde::Deserialize;
use serde_json::Value;

use super::content::{self, Content};
use super::error::invalid;
use crate::dialect::calls;
use crate::error::Error;

/// A message as it came.
#[derive(Debug, Deserialize)]
pub(super) struct WireMessage {
    role: WireRole,
    content: Option<Content>,
    name: Option<String>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<Call>>,
    function_call: Option<Function>,
    tool_call_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireRole {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

/// An earlier function call.
#[derive(Debug, Deserialize)]
struct Call {
    id: Option<String>,
    r#type: Option<String>,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    arguments: Option<Value>,
}

impl Function {
    fn called(self, id: Option<String>) -> ToolCall {
        ToolCall { id, name: self.name, arguments: calls::arguments(self.arguments) }
    }
}

/// The conversation, and in `ignored` what has no meaning where it stands.
pub(super) fn conversation(
    wire: Vec<WireMessage>,
    ignored: &mut Vec<String>,
) -> Result<Vec<Message>, Error> {
    if wire.is_empty() {
        let message = "messages is empty; send at least one message";
        return Err(invalid("messages", message));
    }
    let mut messages = Vec::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        let path = format!("messages[{index}]");
        wire.unheard(&path, ignored);
        let mut message = wire.message(&path, ignored)?;
        if message.role == Role::Tool && message.name.is_none() {
            message.name = calls::called(&messages, message.tool_call_id.as_deref());
        }
        messages.push(message);
    }
    Ok(messages)
}

impl WireMessage {
    fn message(self, path: &str, ignored: &mut Vec<String>) -> Result<Message, Error> {
        let role = match self.role {
            WireRole::System | WireRole::Developer => Role::System,
            WireRole::User => Role::User,
            WireRole::Assistant => Role::Assistant,
            WireRole::Tool | WireRole::Function => Role::Tool,
        };
        let path = format!("{path}.content");
        let content = match self.content.or(self.refusal.map(Content::Text)) {
            Some(content) if role == Role::Tool => content::result(content, &path, ignored)?,
            Some(content) => content::text(content, &path)?,
            None if matches!(role, Role::System | Role::User) => {
                let message = format!("{path} is missing; send a string or a list of parts");
                return Err(invalid(path, message));
            }
            None => String::new(),
        };
        let mut message = Message { name: self.name, ..Message::new(role, content) };
        match role {
            Role::Assistant => {
                message.reasoning = self.reasoning_content.or(self.reasoning);
                content::no_nul(&path, message.reasoning.as_deref().unwrap_or_default())?;
                let calls = self.tool_calls.unwrap_or_default().into_iter();
                message.tool_calls = calls.map(|call| call.function.called(call.id)).collect();
                let legacy = self.function_call.map(|function| function.called(None));
                message.tool_calls.extend(legacy);
            }
            Role::Tool => message.tool_call_id = self.tool_call_id,
            Role::System | Role::User => {}
        }
        Ok(message)
    }

    /// Names what only messages of another role can say.
    fn unheard(&self, path: &str, ignored: &mut Vec<String>) {
        let assistant = self.role == WireRole::Assistant;
        let tool = matches!(self.role, WireRole::Tool | WireRole::Function);
        let fields = [
            ("refusal", self.refusal.is_some() && self.content.is_some()),
            ("reasoning_content", self.reasoning_content.is_some() && !assistant),
            ("reasoning", self.reasoning.is_some() && !assistant),
            ("tool_calls", self.tool_calls.is_some() && !assistant),
            ("function_call", self.function_call.is_some() && !assistant),
            ("tool_call_id", self.tool_call_id.is_some() && !tool),
        ];
        let unheard = fields.into_iter().filter(|(_, unheard)| *unheard);
        ignored.extend(unheard.map(|(name, _)| format!("{path}.{name}")));
        for (index, call) in self.tool_calls.iter().flatten().enumerate() {
            if assistant && call.r#type.as_deref().is_some_and(|kind| kind != "function") {
                ignored.push(format!("{path}.tool_calls[{index}].type"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(messages: &str) -> Result<(Vec<Message>, Vec<String>), Error> {
        let mut ignored = Vec::new();
        let messages = conversation(serde_json::from_str(messages).unwrap(), &mut ignored)?;
        Ok((messages, ignored))
    }

    #[test]
    fn every_role_has_its_place() {
        let (messages, ignored) = read(
            r#"[{"role": "developer", "content": "be brief"},
                {"role": "user", "content": [{"type": "text", "text": "hi"}], "name": "Anna"},
                {"role": "assistant", "reasoning_content": "hm", "tool_calls": [
                    {"id": "call_1", "type": "function",
                     "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}},
                    {"id": "call_2", "function": {"name": "time", "arguments": "{broken"}}]},
                {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
                {"role": "tool", "content": null, "tool_call_id": "call_3"},
                {"role": "assistant", "content": null, "function_call": {"name": "time", "arguments": ""}},
                {"role": "function", "name": "time", "content": "noon"},
                {"role": "assistant", "content": null, "refusal": "no", "reasoning": "no?",
                 "tool_calls": null, "function_call": null}]"#,
        )
        .unwrap();
        assert!(ignored.is_empty(), "{ignored:?}");
        let lines: Vec<_> =
            messages.iter().map(|message| serde_json::to_string(message).unwrap()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"role":"system","content":"be brief","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":null}
        {"role":"user","content":"hi","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":"Anna"}
        {"role":"assistant","content":"","reasoning":"hm","tool_calls":[{"id":"call_1","name":"weather","arguments":{"city":"Oslo"}},{"id":"call_2","name":"time","arguments":{"arguments":"{broken"}}],"tool_call_id":null,"name":null}
        {"role":"tool","content":"rain","reasoning":null,"tool_calls":[],"tool_call_id":"call_1","name":"weather"}
        {"role":"tool","content":"","reasoning":null,"tool_calls":[],"tool_call_id":"call_3","name":null}
        {"role":"assistant","content":"","reasoning":null,"tool_calls":[{"id":null,"name":"time","arguments":{}}],"tool_call_id":null,"name":null}
        {"role":"tool","content":"noon","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":"time"}
        {"role":"assistant","content":"no","reasoning":"no?","tool_calls":[],"tool_call_id":null,"name":null}
        "#);
    }

    #[test]
    fn what_has_no_meaning_is_named() {
        let (_, ignored) = read(
            r#"[{"role": "user", "content": "hi", "tool_call_id": "x", "reasoning": "y",
                 "tool_calls": []},
                {"role": "assistant", "content": "no", "refusal": "no", "tool_call_id": "x",
                 "tool_calls": [{"type": "function", "function": {"name": "a"}},
                                {"type": "program", "function": {"name": "b"}}]}]"#,
        )
        .unwrap();
        insta::assert_snapshot!(ignored.join(", "), @"messages[0].reasoning, messages[0].tool_calls, messages[0].tool_call_id, messages[1].refusal, messages[1].tool_call_id, messages[1].tool_calls[1].type");
    }

    #[test]
    fn a_conversation_needs_words() {
        let refused = |messages: &str| {
            let error = read(messages).unwrap_err();
            (error.param.unwrap(), error.message)
        };
        insta::assert_debug_snapshot!(refused("[]"), @r#"
        (
            "messages",
            "messages is empty; send at least one message",
        )
        "#);
        insta::assert_debug_snapshot!(refused(r#"[{"role": "user", "content": null}]"#), @r#"
        (
            "messages[0].content",
            "messages[0].content is missing; send a string or a list of parts",
        )
        "#);
        insta::assert_debug_snapshot!(refused(r#"[{"role": "system"}]"#), @r#"
        (
            "messages[0].content",
            "messages[0].content is missing; send a string or a list of parts",
        )
        "#);
    }
}
