//! The messages of a conversation.

use rkllm_chat::{Message, Role, ToolCall};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::dialect::json;
use crate::error::{Code, Error};

/// One entry of `messages`.
#[derive(Debug, Deserialize)]
pub(super) struct WireMessage {
    role: String,
    content: Option<Value>,
    thinking: Option<String>,
    images: Option<Vec<Value>>,
    tool_calls: Option<Vec<WireCall>>,
    tool_name: Option<String>,
    name: Option<String>,
    tool_call_id: Option<String>,
}

/// A call that the model made earlier.
#[derive(Debug, Deserialize)]
struct WireCall {
    id: Option<String>,
    /// Says nothing: all calls are of functions.
    #[serde(rename = "type")]
    _kind: Option<String>,
    function: WireCalled,
}

#[derive(Debug, Deserialize)]
struct WireCalled {
    /// Says nothing: calls stand in their order.
    #[serde(rename = "index")]
    _index: Option<Value>,
    name: String,
    arguments: Option<Value>,
}

/// A conversation for the model called `model`.
pub(super) fn messages(model: &str, wire: Vec<WireMessage>) -> Result<Vec<Message>, Error> {
    let name = |index: usize| format!("messages[{index}]");
    let read = |(index, wire)| message(model, &name(index), wire);
    wire.into_iter().enumerate().map(read).collect()
}

fn message(model: &str, at: &str, wire: WireMessage) -> Result<Message, Error> {
    no_images(model, &format!("{at}.images"), wire.images.as_deref())?;
    let role = role(at, &wire.role)?;
    let content = content(model, &format!("{at}.content"), wire.content)?;
    let reasoning = wire.thinking.filter(|thinking| !thinking.is_empty());
    json::no_nul(&format!("{at}.content"), &content)?;
    json::no_nul(&format!("{at}.thinking"), reasoning.as_deref().unwrap_or_default())?;
    let tool_calls = wire.tool_calls.unwrap_or_default().into_iter().map(call).collect();
    let not_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(Message {
        role,
        content,
        reasoning,
        tool_calls,
        tool_call_id: not_empty(wire.tool_call_id),
        name: not_empty(wire.tool_name).or(not_empty(wire.name)),
    })
}

fn role(at: &str, name: &str) -> Result<Role, Error> {
    match name.to_ascii_lowercase().as_str() {
        "system" | "developer" => Ok(Role::System),
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "tool" => Ok(Role::Tool),
        _ => {
            let name: String = name.chars().take(40).collect();
            Err(Error::invalid(format!(
                "{at}.role is {name:?}; send system, user, assistant or tool"
            )))
        }
    }
}

/// The text of a message: a text, nothing, or parts that are texts.
fn content(model: &str, at: &str, content: Option<Value>) -> Result<String, Error> {
    let parts = match content {
        None | Some(Value::Null) => return Ok(String::new()),
        Some(Value::String(text)) => return Ok(text),
        Some(Value::Array(parts)) => parts,
        Some(_) => return Err(Error::invalid(format!("{at} is no text; send a string"))),
    };
    let mut whole = String::new();
    for (index, part) in parts.iter().enumerate() {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
        let text = part.as_str().or_else(|| part.get("text")?.as_str());
        match text {
            Some(text) if kind == "text" => whole.push_str(text),
            _ if kind.contains("image") => return Err(images(model, &format!("{at}[{index}]"))),
            _ => return Err(Error::invalid(format!("{at}[{index}] is no text; send texts only"))),
        }
    }
    Ok(whole)
}

/// Refuses pictures: leaving them out would be an answer to another question.
pub(super) fn no_images(model: &str, at: &str, sent: Option<&[Value]>) -> Result<(), Error> {
    match sent {
        None | Some([]) => Ok(()),
        Some(_) => Err(images(model, at)),
    }
}

fn images(model: &str, at: &str) -> Error {
    let message = format!("\"{model}\" does not support images: remove {at}");
    let mut error = Error::new(Code::Unsupported, message);
    error.param = Some(at.to_owned());
    error
}

fn call(wire: WireCall) -> ToolCall {
    let WireCalled { name, arguments, .. } = wire.function;
    ToolCall { id: wire.id.filter(|id| !id.is_empty()), name, arguments: object(arguments) }
}

/// Arguments as an object, also where they come as its text. What is none stays readable: refusing
/// it would end the conversation, since it comes again with every turn.
fn object(arguments: Option<Value>) -> Value {
    let parsed = match arguments {
        None | Some(Value::Null) => return Value::Object(Map::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Value::Object(Map::new()),
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(value) => value,
    };
    match parsed {
        object @ Value::Object(_) => object,
        other => Value::Object(Map::from_iter([("arguments".to_owned(), other)])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<Vec<Message>, Error> {
        messages("m", serde_json::from_value(value).unwrap())
    }

    #[test]
    fn every_role_and_every_form_of_content() {
        let parsed = parse(json!([
            {"role": "developer", "content": "Be brief."},
            {"role": "USER", "content": [{"type": "text", "text": "a"}, "b"], "images": []},
            {"role": "assistant", "content": null, "thinking": "hm"},
            {"role": "tool"},
        ]))
        .unwrap();
        let seen: Vec<_> = parsed.iter().map(|m| (m.role, m.content.as_str())).collect();
        let expected = [
            (Role::System, "Be brief."),
            (Role::User, "ab"),
            (Role::Assistant, ""),
            (Role::Tool, ""),
        ];
        assert_eq!(seen, expected);
        assert_eq!(parsed[2].reasoning.as_deref(), Some("hm"));
    }

    #[test]
    fn calls_and_their_results() {
        let parsed = parse(json!([
            {"role": "assistant", "content": "", "tool_calls": [
                {"function": {"name": "a", "arguments": {"city": "Oslo"}}},
                {"id": "call_1", "type": "function", "function": {"index": 1, "name": "b", "arguments": "{\"x\":1}"}},
                {"function": {"name": "c"}},
                {"function": {"name": "d", "arguments": "not json"}},
            ]},
            {"role": "tool", "content": "21", "tool_name": "a"},
            {"role": "tool", "content": "22", "tool_call_id": "call_1", "name": "b"},
        ]))
        .unwrap();
        let calls: Vec<_> = parsed[0].tool_calls.iter().map(|call| &call.arguments).collect();
        let expected =
            [json!({"city": "Oslo"}), json!({"x": 1}), json!({}), json!({"arguments": "not json"})];
        assert_eq!(calls, expected.iter().collect::<Vec<_>>());
        assert_eq!(parsed[0].tool_calls[1].id.as_deref(), Some("call_1"));
        assert_eq!(parsed[1].name.as_deref(), Some("a"));
        assert_eq!(parsed[2].tool_call_id.as_deref(), Some("call_1"));
        assert_eq!(parsed[2].name.as_deref(), Some("b"));
    }

    #[test]
    fn what_cannot_be_heard_is_refused_by_name() {
        let said = |message: Value| parse(json!([message])).unwrap_err().message;
        insta::assert_snapshot!(said(json!({"role": "robot"})), @r#"messages[0].role is "robot"; send system, user, assistant or tool"#);
        insta::assert_snapshot!(said(json!({"role": "user", "images": ["iVBO"]})), @r#""m" does not support images: remove messages[0].images"#);
        let part = json!({"type": "image_url", "image_url": {"url": "x"}});
        insta::assert_snapshot!(said(json!({"role": "user", "content": [part]})), @r#""m" does not support images: remove messages[0].content[0]"#);
        insta::assert_snapshot!(said(json!({"role": "user", "content": 5})), @"messages[0].content is no text; send a string");
        let part = json!({"type": "input_audio"});
        insta::assert_snapshot!(said(json!({"role": "user", "content": [part]})), @"messages[0].content[0] is no text; send texts only");
        insta::assert_snapshot!(said(json!({"role": "user", "content": "a\u{0}"})), @"messages[0].content contains U+0000 at byte 1, which models cannot take; remove it");
    }
}
