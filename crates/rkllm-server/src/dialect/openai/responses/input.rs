//! The items of `input` as messages of a conversation.

use rkllm_chat::{Message, Role, ToolCall};
use serde::Deserialize;
use serde_json::Value;

use super::store::Shelf;
use crate::dialect::calls;
use crate::dialect::openai::content::{self, Content, Part};
use crate::dialect::openai::error::invalid;
use crate::error::Error;

/// An item as it came: the fields of all types that mean something here.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    r#type: Option<String>,
    id: Option<String>,
    role: Option<WireRole>,
    content: Option<Content>,
    summary: Option<Vec<Part>>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<Value>,
    output: Option<Content>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireRole {
    System,
    Developer,
    User,
    Assistant,
}

/// Adds items to the messages of a conversation, and to `ignored` those that have no meaning here.
/// `shelf` has the answers whose items may be referred to.
pub(super) fn add(
    items: Vec<Item>,
    shelf: &Shelf,
    messages: &mut Vec<Message>,
    ignored: &mut Vec<String>,
) -> Result<(), Error> {
    let mut turns = Turns { shelf, messages, ignored, begun: false, thoughts: None };
    for (index, item) in items.into_iter().enumerate() {
        turns.add(item, &format!("input[{index}]"))?;
    }
    turns.forget_thoughts();
    Ok(())
}

struct Turns<'a> {
    shelf: &'a Shelf,
    messages: &'a mut Vec<Message>,
    ignored: &'a mut Vec<String>,
    /// Whether the last message is one of the assistant's, that more of what it did belongs to.
    begun: bool,
    /// Thoughts before something that the assistant said or did, and where they stand.
    thoughts: Option<(String, String)>,
}

impl Turns<'_> {
    fn add(&mut self, item: Item, path: &str) -> Result<(), Error> {
        match item.r#type.as_deref() {
            None | Some("message") => self.message(item, path),
            Some("function_call") => self.call(item, path),
            Some("function_call_output") => self.result(item, path),
            Some("reasoning") => self.think(item, path),
            Some("item_reference") => match item.id.and_then(|id| self.shelf.item(&id)) {
                Some(item) => self.add(item, path),
                None => self.ignore(path),
            },
            // What other providers' tools did, and items that only their servers know.
            Some(_) => self.ignore(path),
        }
    }

    fn ignore(&mut self, path: &str) -> Result<(), Error> {
        self.ignored.push(path.to_owned());
        Ok(())
    }

    fn message(&mut self, item: Item, path: &str) -> Result<(), Error> {
        let role = match item.role {
            Some(WireRole::System | WireRole::Developer) => Role::System,
            Some(WireRole::User) => Role::User,
            Some(WireRole::Assistant) => Role::Assistant,
            None => {
                let message = format!("{path}.role is missing; send for example \"user\"");
                return Err(invalid(format!("{path}.role"), message));
            }
        };
        let text = text(item.content, &format!("{path}.content"))?;
        if role == Role::Assistant {
            self.assistant(text);
        } else {
            self.other(Message::new(role, text));
        }
        Ok(())
    }

    fn call(&mut self, item: Item, path: &str) -> Result<(), Error> {
        let name = required(item.name, path, "name")?;
        let id = required(item.call_id, path, "call_id")?;
        if !self.begun || self.thoughts.is_some() {
            self.assistant(String::new());
        }
        let call = ToolCall { id: Some(id), name, arguments: calls::arguments(item.arguments) };
        let last = self.messages.last_mut().expect("the assistant's turn has begun");
        last.tool_calls.push(call);
        Ok(())
    }

    fn result(&mut self, item: Item, path: &str) -> Result<(), Error> {
        let id = required(item.call_id, path, "call_id")?;
        let output = item.output.ok_or_else(|| no_content(&format!("{path}.output")))?;
        let text = content::result(output, &format!("{path}.output"), self.ignored)?;
        let name = calls::called(self.messages, Some(&id));
        self.other(Message { tool_call_id: Some(id), name, ..Message::new(Role::Tool, text) });
        Ok(())
    }

    fn think(&mut self, item: Item, path: &str) -> Result<(), Error> {
        self.forget_thoughts();
        let raw = item.content.map(|content| content::text(content, &format!("{path}.content")));
        let mut thoughts = raw.transpose()?.unwrap_or_default();
        if let Some(summary) = item.summary.filter(|_| thoughts.is_empty()) {
            thoughts = content::text(Content::List(summary), &format!("{path}.summary"))?;
        }
        self.thoughts = Some((thoughts, path.to_owned()));
        Ok(())
    }

    /// Begins a turn of the assistant, with the thoughts before it.
    fn assistant(&mut self, text: String) {
        let thoughts = self.thoughts.take().map(|(thoughts, _)| thoughts);
        let reasoning = thoughts.filter(|thoughts| !thoughts.is_empty());
        self.messages.push(Message { reasoning, ..Message::new(Role::Assistant, text) });
        self.begun = true;
    }

    /// Adds a message that is not the assistant's.
    fn other(&mut self, message: Message) {
        self.forget_thoughts();
        self.messages.push(message);
        self.begun = false;
    }

    /// Names thoughts that led to nothing.
    fn forget_thoughts(&mut self) {
        self.ignored.extend(self.thoughts.take().map(|(_, path)| path));
    }
}

fn text(content: Option<Content>, path: &str) -> Result<String, Error> {
    content::text(content.ok_or_else(|| no_content(path))?, path)
}

fn no_content(path: &str) -> Error {
    invalid(path, format!("{path} is missing; send a string or a list of parts"))
}

fn required(value: Option<String>, path: &str, field: &str) -> Result<String, Error> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| {
        let path = format!("{path}.{field}");
        let message = format!("{path} is missing; send a string");
        invalid(path, message)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(items: Value) -> Result<(Vec<Message>, Vec<String>), Error> {
        let (mut messages, mut ignored) = (Vec::new(), Vec::new());
        let items = serde_json::from_value(items).unwrap();
        add(items, &Shelf::default(), &mut messages, &mut ignored)?;
        Ok((messages, ignored))
    }

    fn lines(messages: &[Message]) -> String {
        let lines: Vec<_> =
            messages.iter().map(|message| serde_json::to_string(message).unwrap()).collect();
        lines.join("\n")
    }

    #[test]
    fn what_the_assistant_did_at_once_is_one_turn() {
        let (messages, ignored) = read(json!([
            {"role": "developer", "content": "be brief"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "weather and time?"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [],
             "content": [{"type": "reasoning_text", "text": "Look."}]},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
             "content": [{"type": "output_text", "text": "One moment.", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather",
             "arguments": "{\"city\":\"Oslo\"}", "status": "completed"},
            {"type": "function_call", "call_id": "call_2", "name": "time", "arguments": ""},
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
            {"type": "function_call_output", "call_id": "call_2", "output": [
                {"type": "input_text", "text": "noon"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Again."}]},
            {"type": "function_call", "call_id": "call_3", "name": "time", "arguments": "{}"},
        ]))
        .unwrap();
        assert!(ignored.is_empty(), "{ignored:?}");
        insta::assert_snapshot!(lines(&messages), @r#"
        {"role":"system","content":"be brief","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":null}
        {"role":"user","content":"weather and time?","reasoning":null,"tool_calls":[],"tool_call_id":null,"name":null}
        {"role":"assistant","content":"One moment.","reasoning":"Look.","tool_calls":[{"id":"call_1","name":"weather","arguments":{"city":"Oslo"}},{"id":"call_2","name":"time","arguments":{}}],"tool_call_id":null,"name":null}
        {"role":"tool","content":"rain","reasoning":null,"tool_calls":[],"tool_call_id":"call_1","name":"weather"}
        {"role":"tool","content":"noon","reasoning":null,"tool_calls":[],"tool_call_id":"call_2","name":"time"}
        {"role":"assistant","content":"","reasoning":"Again.","tool_calls":[{"id":"call_3","name":"time","arguments":{}}],"tool_call_id":null,"name":null}
        "#);
    }

    #[test]
    fn calls_that_follow_other_thoughts_are_another_turn() {
        let (messages, _) = read(json!([
            {"type": "function_call", "call_id": "1", "name": "a", "arguments": "{}"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "And b."}]},
            {"type": "function_call", "call_id": "2", "name": "b", "arguments": "{}"},
            {"role": "assistant", "content": "Done."},
        ]))
        .unwrap();
        let calls: Vec<_> = messages.iter().map(|message| message.tool_calls.len()).collect();
        assert_eq!(calls, [1, 1, 0]);
        assert_eq!(messages[1].reasoning.as_deref(), Some("And b."));
    }

    #[test]
    fn items_of_other_providers_and_thoughts_without_an_end_are_named() {
        let (messages, ignored) = read(json!([
            {"type": "item_reference", "id": "msg_1"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
            {"type": "reasoning", "summary": [], "encrypted_content": "x"},
            {"role": "user", "content": "hi"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        ]))
        .unwrap();
        assert_eq!(messages, [Message::new(Role::User, "hi")]);
        assert_eq!(ignored, ["input[0]", "input[1]", "input[2]", "input[4]"]);
    }

    #[test]
    fn what_an_item_lacks_is_named() {
        let said = [
            json!([{"content": "hi"}]),
            json!([{"role": "user"}]),
            json!([{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]),
            json!([{"type": "function_call", "call_id": "1"}]),
            json!([{"type": "function_call", "name": "a"}]),
            json!([{"type": "function_call_output", "output": "x"}]),
            json!([{"type": "function_call_output", "call_id": "1"}]),
        ]
        .map(|items| {
            let error = read(items).unwrap_err();
            format!("{}: {error}", error.param.as_deref().unwrap())
        });
        insta::assert_snapshot!(said.join("\n"), @r#"
        input[0].role: input[0].role is missing; send for example "user"
        input[0].content: input[0].content is missing; send a string or a list of parts
        input[0].content[0]: input[0].content[0] is an image, which this server's models cannot take; send text alone
        input[0].name: input[0].name is missing; send a string
        input[0].call_id: input[0].call_id is missing; send a string
        input[0].call_id: input[0].call_id is missing; send a string
        input[0].output: input[0].output is missing; send a string or a list of parts
        "#);
    }

    fn item() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(json!({"role": "user", "content": "u"})),
            Just(json!({"role": "assistant", "content": "a"})),
            Just(json!({"type": "function_call", "call_id": "1", "name": "f"})),
            Just(json!({"type": "function_call_output", "call_id": "1", "output": "o"})),
            Just(json!({"type": "reasoning", "summary": [{"text": "t"}]})),
            Just(json!({"type": "compaction"})),
        ]
    }

    proptest! {
        #[test]
        fn no_item_is_lost_in_silence(items in proptest::collection::vec(item(), 0..12)) {
            let count = items.len();
            let (messages, ignored) = read(Value::Array(items)).unwrap();
            let told: usize = messages
                .iter()
                .map(|message| {
                    let bare = message.content.is_empty() && !message.tool_calls.is_empty();
                    usize::from(!bare)
                        + message.tool_calls.len()
                        + usize::from(message.reasoning.is_some())
                })
                .sum();
            prop_assert_eq!(told + ignored.len(), count);
        }
    }
}
