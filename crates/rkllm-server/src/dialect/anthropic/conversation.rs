//! Anthropic's messages as messages of a chat template.

use std::collections::HashMap;

use rkllm_chat::{Message, Role, ToolCall};
use serde_json::{Map, Value};

use super::content::{Block, Content, Source};
use super::request::{Role as Wire, Turn};
use crate::dialect::json;
use crate::error::{Code, Error};
use crate::generate::Input;

/// What Claude Code's first block of a system prompt begins with. It differs from request to
/// request, so that nothing of the prompt could be found in the cache.
const BILLING: &str = "x-anthropic-billing-header";

/// Between blocks of one message, and between messages that become one.
const BETWEEN_BLOCKS: &str = "\n";
const BETWEEN_MESSAGES: &str = "\n\n";

/// The conversation. A last message of the assistant is to be continued. Blocks without effect are
/// added to `ignored`.
pub(super) fn conversation(
    system: Option<Content>,
    turns: Vec<Turn>,
    ignored: &mut Vec<String>,
) -> Result<Input, Error> {
    let mut conversation = Conversation { messages: Vec::new(), tools: HashMap::new(), ignored };
    if let Some(system) = system {
        let text = conversation.system(system)?;
        conversation.add(Message::new(Role::System, text));
    }
    let prompted = !turns.is_empty();
    for (index, turn) in turns.into_iter().enumerate() {
        conversation.turn(&format!("messages[{index}]"), turn)?;
    }
    let messages = conversation.messages;
    if !prompted || messages.iter().all(|message| message.role == Role::System) {
        let message = "messages has nothing to answer; send at least one message of the user";
        return Err(Error { param: Some("messages".to_owned()), ..Error::invalid(message) });
    }
    let last = messages.last();
    let open = last.is_some_and(|last| last.role == Role::Assistant && last.tool_calls.is_empty());
    Ok(Input::Chat { messages, open })
}

struct Conversation<'a> {
    messages: Vec<Message>,
    /// The names of the tools that were used, by id.
    tools: HashMap<String, String>,
    ignored: &'a mut Vec<String>,
}

impl Conversation<'_> {
    fn system(&mut self, system: Content) -> Result<String, Error> {
        let Content::Blocks(blocks) = system else {
            return self.text("system", system);
        };
        let mut text = Joined::default();
        for (index, block) in blocks.into_iter().enumerate() {
            let place = format!("system[{index}]");
            if block.text.as_ref().is_some_and(|text| text.starts_with(BILLING)) {
                self.ignored.push(place);
                continue;
            }
            text.add(&self.shown(&place, block)?, BETWEEN_BLOCKS);
        }
        Ok(text.0)
    }

    fn turn(&mut self, place: &str, turn: Turn) -> Result<(), Error> {
        let place = format!("{place}.content");
        let content = turn.content.unwrap_or(Content::Text(String::new()));
        match turn.role {
            Wire::System => {
                let text = self.text(&place, content)?;
                self.add(Message::new(Role::System, text));
            }
            Wire::User => self.user(&place, content)?,
            Wire::Assistant => self.assistant(&place, content)?,
        }
        Ok(())
    }

    /// Results of tools are messages of their own, at their place among the texts.
    fn user(&mut self, place: &str, content: Content) -> Result<(), Error> {
        let Content::Blocks(blocks) = content else {
            let text = self.text(place, content)?;
            self.add(Message::new(Role::User, text));
            return Ok(());
        };
        let mut text = Joined::default();
        let mut only_results = !blocks.is_empty();
        for (index, block) in blocks.into_iter().enumerate() {
            let place = format!("{place}[{index}]");
            if block.r#type == "tool_result" {
                let before = std::mem::take(&mut text).0;
                if !before.is_empty() {
                    self.add(Message::new(Role::User, before));
                }
                let result = self.result(&place, block)?;
                self.messages.push(result);
            } else {
                only_results = false;
                text.add(&self.shown(&place, block)?, BETWEEN_BLOCKS);
            }
        }
        if !text.0.is_empty() || !only_results && self.ends_with_answer() {
            self.add(Message::new(Role::User, text.0));
        }
        Ok(())
    }

    /// Whether a message of the user would have to follow.
    fn ends_with_answer(&self) -> bool {
        self.messages.last().is_none_or(|last| matches!(last.role, Role::System | Role::Assistant))
    }

    fn result(&mut self, place: &str, block: Block) -> Result<Message, Error> {
        let place = format!("{place}.content");
        let content = block.content.unwrap_or(Content::Text(String::new()));
        let (content, left_out) = content.without_media();
        self.ignored.extend(left_out.into_iter().map(|index| format!("{place}[{index}]")));
        let mut text = self.text(&place, content)?;
        if block.is_error == Some(true) {
            text = format!("Error: {text}");
        }
        let id = block.tool_use_id;
        let name = id.as_ref().and_then(|id| self.tools.get(id)).cloned();
        Ok(Message { tool_call_id: id, name, ..Message::new(Role::Tool, text) })
    }

    fn assistant(&mut self, place: &str, content: Content) -> Result<(), Error> {
        let Content::Blocks(blocks) = content else {
            let text = self.text(place, content)?;
            self.add(Message::new(Role::Assistant, text));
            return Ok(());
        };
        let (mut text, mut thoughts, mut tool_calls) =
            (Joined::default(), Joined::default(), Vec::new());
        for (index, block) in blocks.into_iter().enumerate() {
            let place = format!("{place}[{index}]");
            match block.r#type.as_str() {
                "thinking" => {
                    let thought = block.thinking.unwrap_or_default();
                    json::no_nul(&format!("{place}.thinking"), &thought)?;
                    thoughts.add(&thought, BETWEEN_BLOCKS);
                }
                "tool_use" => tool_calls.push(self.call(&place, block)?),
                _ => text.add(&self.shown(&place, block)?, BETWEEN_BLOCKS),
            }
        }
        self.add(Message {
            reasoning: Some(thoughts.0).filter(|thoughts| !thoughts.is_empty()),
            tool_calls,
            ..Message::new(Role::Assistant, text.0)
        });
        Ok(())
    }

    fn call(&mut self, place: &str, block: Block) -> Result<ToolCall, Error> {
        let Some(name) = block.name.filter(|name| !name.is_empty()) else {
            return Err(Error::invalid(format!("{place}.name is missing; name the tool")));
        };
        let arguments = match block.input {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(input @ Value::Object(_)) => input,
            // Some programs keep what they got as text.
            Some(Value::String(text)) if text.is_empty() => Value::Object(Map::new()),
            Some(Value::String(text)) => {
                serde_json::from_str(&text).map(Value::Object).map_err(|_| no_object(place))?
            }
            Some(_) => return Err(no_object(place)),
        };
        if let Some(id) = &block.id {
            self.tools.insert(id.clone(), name.clone());
        }
        Ok(ToolCall { id: block.id, name, arguments })
    }

    fn text(&mut self, place: &str, content: Content) -> Result<String, Error> {
        match content {
            Content::Text(text) => {
                json::no_nul(place, &text)?;
                Ok(text)
            }
            Content::Blocks(blocks) => {
                let mut text = Joined::default();
                for (index, block) in blocks.into_iter().enumerate() {
                    text.add(&self.shown(&format!("{place}[{index}]"), block)?, BETWEEN_BLOCKS);
                }
                Ok(text.0)
            }
        }
    }

    /// What the model is shown of a block: the text in it. Blocks of unknown kinds, which newer
    /// clients may send, show nothing.
    fn shown(&mut self, place: &str, block: Block) -> Result<String, Error> {
        match block.r#type.as_str() {
            "text" => {
                let text = block.text.unwrap_or_default();
                json::no_nul(&format!("{place}.text"), &text)?;
                Ok(text)
            }
            "document" => self.document(place, block),
            "search_result" => {
                let content = block.content.unwrap_or(Content::Text(String::new()));
                let text = self.text(&format!("{place}.content"), content)?;
                let source = match block.source {
                    Some(Source::Named(name)) => Some(name),
                    _ => None,
                };
                Ok(titled([block.title, source], text))
            }
            "image" => Err(cannot(place, "is an image, which this model cannot see")),
            "audio" | "input_audio" => Err(cannot(place, "is audio, which this model cannot hear")),
            _ => {
                self.ignored.push(place.to_owned());
                Ok(String::new())
            }
        }
    }

    fn document(&mut self, place: &str, block: Block) -> Result<String, Error> {
        let Some(Source::Data(source)) = block.source else {
            return Err(Error::invalid(format!("{place}.source is missing; send the document")));
        };
        let place = format!("{place}.source");
        let text = match source.r#type.as_str() {
            "text" => {
                let text = source.data.unwrap_or_default();
                json::no_nul(&format!("{place}.data"), &text)?;
                text
            }
            "content" => {
                let content = source.content.unwrap_or(Content::Text(String::new()));
                self.text(&format!("{place}.content"), content)?
            }
            _ => return Err(cannot(&place, "is no text, which is all that this server reads")),
        };
        Ok(titled([block.title, None], text))
    }

    /// Adds a message, to the one before if the same speaks: templates want turns.
    fn add(&mut self, message: Message) {
        let empty = message.content.is_empty()
            && message.tool_calls.is_empty()
            && message.reasoning.is_none();
        if empty && message.role != Role::User {
            return;
        }
        let Some(last) = self.messages.last_mut().filter(|last| last.role == message.role) else {
            self.messages.push(message);
            return;
        };
        let mut content = Joined(std::mem::take(&mut last.content));
        content.add(&message.content, BETWEEN_MESSAGES);
        last.content = content.0;
        if let Some(more) = message.reasoning {
            let mut reasoning = Joined(last.reasoning.take().unwrap_or_default());
            reasoning.add(&more, BETWEEN_MESSAGES);
            last.reasoning = Some(reasoning.0);
        }
        last.tool_calls.extend(message.tool_calls);
    }
}

/// Texts with something between them.
#[derive(Default)]
struct Joined(String);

impl Joined {
    fn add(&mut self, text: &str, between: &str) {
        if text.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push_str(between);
        }
        self.0.push_str(text);
    }
}

/// A text under its titles.
fn titled(titles: [Option<String>; 2], text: String) -> String {
    let mut all = Joined::default();
    for title in titles.into_iter().flatten() {
        all.add(&title, BETWEEN_BLOCKS);
    }
    all.add(&text, BETWEEN_BLOCKS);
    all.0
}

fn no_object(place: &str) -> Error {
    let place = format!("{place}.input");
    let message = format!("{place} is no object; send the arguments as a JSON object");
    Error { param: Some(place), ..Error::invalid(message) }
}

fn cannot(place: &str, what: &str) -> Error {
    let message = format!("{place} {what}; send text instead");
    Error { param: Some(place.to_owned()), ..Error::new(Code::Unsupported, message) }
}
