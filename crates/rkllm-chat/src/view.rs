//! Conversations in the shape in which templates know them.

use serde_json::{Map, Value, json};

use crate::tojson::python_json;
use crate::{Message, RenderOptions, ToolCall};

/// What templates disagree about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The content is a list of parts, `[{"type": "text", "text": …}]`, instead of a string.
    pub(crate) parts: bool,
    /// Reasoning is called `thinking`, too.
    pub(crate) thinking: bool,
    pub(crate) calls: CallShape,
}

/// How messages with tool calls look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CallShape {
    /// Arguments are a string of JSON instead of an object.
    pub(crate) string_arguments: bool,
    /// The content is `none` where nothing is said beside the calls, instead of an empty string.
    pub(crate) no_content: bool,
}

/// The variables of a template, but for the model's own.
pub(crate) fn variables(
    messages: &[Message],
    options: &RenderOptions,
    shape: Shape,
) -> Map<String, Value> {
    let mut variables = Map::new();
    if let Some(enabled) = options.enable_thinking {
        variables.insert("enable_thinking".to_owned(), enabled.into());
    }
    variables.extend(options.kwargs.clone());
    let tools = options.tools.clone().filter(|_| options.has_tools());
    let opens = options.add_generation_prompt && !options.continue_final_message;
    let messages = messages.iter().map(|message| view(message, shape)).collect();
    variables.extend([
        ("messages".to_owned(), messages),
        ("tools".to_owned(), tools.unwrap_or_default()),
        ("documents".to_owned(), options.documents.clone().unwrap_or_default()),
        ("add_generation_prompt".to_owned(), opens.into()),
    ]);
    variables
}

fn view(message: &Message, shape: Shape) -> Value {
    let mut view = Map::new();
    let mut set = |key: &str, value: Value| view.insert(key.to_owned(), value);
    set("role", message.role.as_str().into());
    set("content", content(message, shape));
    if let Some(reasoning) = &message.reasoning {
        set("reasoning_content", reasoning.as_str().into());
        // What is said beside calls counts as thought there, and both together are refused.
        if shape.thinking && (message.content.is_empty() || message.tool_calls.is_empty()) {
            set("thinking", reasoning.as_str().into());
        }
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| call_view(call, shape.calls));
        set("tool_calls", calls.collect());
    }
    if let Some(id) = &message.tool_call_id {
        set("tool_call_id", id.as_str().into());
    }
    if let Some(name) = &message.name {
        set("name", name.as_str().into());
    }
    Value::Object(view)
}

fn content(message: &Message, shape: Shape) -> Value {
    let text = message.content.as_str();
    if text.is_empty() && !message.tool_calls.is_empty() && shape.calls.no_content {
        Value::Null
    } else if shape.parts {
        json!([{ "type": "text", "text": text }])
    } else {
        text.into()
    }
}

fn call_view(call: &ToolCall, shape: CallShape) -> Value {
    let mut view = Map::new();
    if let Some(id) = &call.id {
        view.insert("id".to_owned(), id.as_str().into());
    }
    let arguments = match arguments(call) {
        Value::String(text) => Value::String(text),
        object if shape.string_arguments => python_json(&object).into(),
        object => object,
    };
    view.insert("type".to_owned(), "function".into());
    view.insert("function".to_owned(), json!({ "name": call.name, "arguments": arguments }));
    Value::Object(view)
}

/// The arguments of a call, read if they are JSON within a string.
pub(crate) fn arguments(call: &ToolCall) -> Value {
    let text = call.arguments.as_str();
    let read = text.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    read.map_or_else(|| call.arguments.clone(), Value::Object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn call(arguments: Value) -> Message {
        let call = ToolCall { id: None, name: "sum".to_owned(), arguments };
        Message { tool_calls: vec![call], ..Message::new(Role::Assistant, "") }
    }

    #[test]
    fn what_a_message_lacks_is_absent() {
        let shape = Shape::default();
        assert_eq!(
            view(&Message::new(Role::User, "Hi"), shape),
            json!({ "role": "user", "content": "Hi" })
        );
        let result = Message {
            tool_call_id: Some("1".to_owned()),
            name: Some("sum".to_owned()),
            ..Message::new(Role::Tool, "3")
        };
        assert_eq!(
            view(&result, Shape { parts: true, ..shape }),
            json!({
                "role": "tool", "content": [{ "type": "text", "text": "3" }],
                "tool_call_id": "1", "name": "sum",
            })
        );
    }

    #[test]
    fn reasoning_has_another_name_where_a_template_wants_it() {
        let shape = Shape { thinking: true, ..Shape::default() };
        let thinks = |message: Message| {
            let message = Message { reasoning: Some("Hm".to_owned()), ..message };
            view(&message, shape)["thinking"] == "Hm"
        };
        let calling = call(json!({}));
        assert!(thinks(Message::new(Role::Assistant, "Hi")) && thinks(calling.clone()));
        assert!(!thinks(Message { content: "Hi".to_owned(), ..calling }));
    }

    #[test]
    fn arguments_are_what_the_template_expects() {
        let object = json!({ "type": "function", "function": {
            "name": "sum", "arguments": { "a": 1, "b": [] },
        }});
        let string = json!({ "type": "function", "function": {
            "name": "sum", "arguments": "{\"a\": 1, \"b\": []}",
        }});
        for given in [json!({ "a": 1, "b": [] }), json!("{\"a\":1,\"b\":[]}")] {
            let message = call(given);
            assert_eq!(view(&message, Shape::default())["tool_calls"][0], object);
            let calls = CallShape { string_arguments: true, no_content: true };
            let shown = view(&message, Shape { parts: true, calls, ..Shape::default() });
            assert_eq!(shown["tool_calls"][0], string);
            assert_eq!(shown["content"], Value::Null);
        }
        let broken = view(&call("{\"a\":".into()), Shape::default());
        assert_eq!(broken["tool_calls"][0]["function"]["arguments"], "{\"a\":");
    }
}
