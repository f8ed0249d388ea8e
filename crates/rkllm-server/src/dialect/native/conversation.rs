//! The turns of a conversation.

use rkllm_chat::{Message, Role, ToolCall};
use serde_json::Value;

use crate::dialect::{calls, json};
use crate::error::Error;

/// The conversation, and in `ignored` what has no meaning where it stands.
pub(super) fn conversation(
    wire: Vec<rkllm_api::Message>,
    ignored: &mut Vec<String>,
) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::with_capacity(wire.len());
    for (index, wire) in wire.into_iter().enumerate() {
        let mut message = message(wire, &format!("messages[{index}]"), ignored)?;
        if message.role == Role::Tool && message.name.is_none() {
            message.name = calls::called(&messages, message.tool_call_id.as_deref());
        }
        messages.push(message);
    }
    Ok(messages)
}

fn message(
    wire: rkllm_api::Message,
    path: &str,
    ignored: &mut Vec<String>,
) -> Result<Message, Error> {
    let mut message = Message { name: wire.name, ..Message::new(role(wire.role), wire.content) };
    json::no_nul(&format!("{path}.content"), &message.content)?;
    let is = |role| message.role == role;
    let unheard = [
        ("reasoning", wire.reasoning.is_some() && !is(Role::Assistant)),
        ("tool_calls", !wire.tool_calls.is_empty() && !is(Role::Assistant)),
        ("tool_call_id", wire.tool_call_id.is_some() && !is(Role::Tool)),
    ];
    let unheard = unheard.into_iter().filter(|(_, unheard)| *unheard);
    ignored.extend(unheard.map(|(name, _)| format!("{path}.{name}")));
    match message.role {
        Role::Assistant => {
            message.reasoning = wire.reasoning;
            json::no_nul(
                &format!("{path}.reasoning"),
                message.reasoning.as_deref().unwrap_or_default(),
            )?;
            message.tool_calls = wire.tool_calls.into_iter().map(call).collect();
        }
        Role::Tool => message.tool_call_id = wire.tool_call_id,
        Role::System | Role::User => {}
    }
    Ok(message)
}

fn call(wire: rkllm_api::ToolCall) -> ToolCall {
    let rkllm_api::CalledFunction { name, arguments } = wire.function;
    let arguments = calls::arguments(Some(Value::String(arguments)));
    ToolCall { id: Some(wire.id), name, arguments }
}

pub(super) fn role(role: rkllm_api::Role) -> Role {
    match role {
        rkllm_api::Role::System => Role::System,
        rkllm_api::Role::User => Role::User,
        rkllm_api::Role::Assistant => Role::Assistant,
        rkllm_api::Role::Tool => Role::Tool,
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
            r#"[{"role": "system", "content": "be brief"},
                {"role": "user", "content": "hi", "name": "Anna"},
                {"role": "assistant", "reasoning": "hm", "tool_calls": [
                    {"id": "call_1", "type": "function",
                     "function": {"name": "weather", "arguments": "{\"city\":\"Oslo\"}"}},
                    {"id": "call_2", "function": {"name": "time", "arguments": {"zone": 1}}},
                    {"id": "call_3", "function": {"name": "news", "arguments": "{broken"}}]},
                {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
                {"role": "tool", "content": null, "tool_call_id": "call_9"},
                {"role": "tool", "content": "noon", "name": "time"}]"#,
        )
        .unwrap();
        assert!(ignored.is_empty(), "{ignored:?}");
        let lines: Vec<_> =
            messages.iter().map(|message| serde_json::to_string(message).unwrap()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"role":"system","content":"be brief","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":null}
        {"role":"user","content":"hi","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":"Anna"}
        {"role":"assistant","content":"","reasoning":"hm","tool_calls":[{"id":"call_1","name":"weather","arguments":{"city":"Oslo"}},{"id":"call_2","name":"time","arguments":{"zone":1}},{"id":"call_3","name":"news","arguments":{"arguments":"{broken"}}],"tool_call_id":null,"name":null}
        {"role":"tool","content":"rain","reasoning":null,"tool_calls":[],"tool_call_id":"call_1","name":"weather"}
        {"role":"tool","content":"","reasoning":null,"tool_calls":[],"tool_call_id":"call_9","name":null}
        {"role":"tool","content":"noon","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":"time"}
        "#);
    }

    #[test]
    fn what_has_no_meaning_is_named() {
        let (messages, ignored) = read(
            r#"[{"role": "user", "content": "hi", "tool_call_id": "x", "reasoning": "y",
                 "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
                {"role": "tool", "content": "hi", "tool_calls": []},
                {"role": "assistant", "content": "no", "tool_call_id": "x"}]"#,
        )
        .unwrap();
        insta::assert_snapshot!(ignored.join(", "), @"messages[0].reasoning, messages[0].tool_calls, messages[0].tool_call_id, messages[2].tool_call_id");
        assert_eq!(messages[0], Message::new(Role::User, "hi"));
        assert_eq!(messages[2], Message::new(Role::Assistant, "no"));
    }

    #[test]
    fn texts_that_models_cannot_take_are_named() {
        let refused = |message: &str| read(&format!("[{message}]")).unwrap_err().message;
        insta::assert_snapshot!(refused(r#"{"role": "user", "content": "a\u0000"}"#), @"messages[0].content contains U+0000 at byte 1, which models cannot take; remove it");
        insta::assert_snapshot!(refused(r#"{"role": "assistant", "reasoning": "\u0000"}"#), @"messages[0].reasoning contains U+0000 at byte 0, which models cannot take; remove it");
    }
}
