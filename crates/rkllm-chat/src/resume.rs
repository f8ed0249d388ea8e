//! Prompts that end within the last message, for the model to go on with it.

use serde_json::{Map, Value};

use crate::placeholder::Placeholders;
use crate::thought::Tags;
use crate::{Error, Message, Role};

/// Where the last message ends.
pub(crate) struct Resume {
    mark: char,
    in_thought: bool,
    text: String,
}

impl Resume {
    /// Refuses conversations whose last message is none that a model could go on with.
    pub(crate) fn check(messages: &[Message]) -> Result<(), Error> {
        let can_go_on = |last: &Message| last.role == Role::Assistant && last.tool_calls.is_empty();
        messages.last().is_some_and(can_go_on).then_some(()).ok_or(Error::NothingToContinue)
    }

    /// Marks the end of the last message's text, or of its reasoning when it has not come further.
    pub(crate) fn mark(
        variables: &mut Map<String, Value>,
        placeholders: &mut Placeholders,
    ) -> Result<Self, Error> {
        let messages = variables["messages"].as_array_mut();
        let last = messages.and_then(|messages| messages.last_mut());
        let last = last.ok_or(Error::NothingToContinue)?;
        let said = &last["content"];
        let nothing_said = said == "" || said[0]["text"] == "";
        let in_thought = nothing_said && last["reasoning_content"].is_string();
        let mut text = &mut last[if in_thought { "reasoning_content" } else { "content" }];
        if text.is_array() {
            text = &mut text[0]["text"];
        }
        let mark = placeholders.free_char()?;
        let before = text.as_str().unwrap_or_default().to_owned();
        // The space tells afterwards whether the template trims texts.
        *text = format!("{before}{mark} ").into();
        if in_thought && last["thinking"].is_string() {
            last["thinking"] = last["reasoning_content"].clone();
        }
        Ok(Self { mark, in_thought, text: before })
    }

    /// The rendered text up to the mark, and whether reasoning is open there.
    pub(crate) fn cut(&self, rendered: &str, tags: Tags) -> Result<(String, bool), Error> {
        let end = rendered.rfind(self.mark).ok_or(Error::NotContinued)?;
        let kept = &rendered[..end];
        let trimmed = !rendered[end + self.mark.len_utf8()..].starts_with(' ');
        let kept = if trimmed { kept.trim_end() } else { kept };
        let before = kept.trim_end().strip_suffix(self.text.trim()).unwrap_or(kept);
        let from = tags.opening_at_end(before).unwrap_or(before.len());
        let open = self.in_thought || tags.are_left_open(&kept[from..]);
        // A template that shows the text more than once has the mark in each place.
        let kept = kept.replace(&format!("{} ", self.mark), "").replace(self.mark, "");
        Ok((kept, open))
    }
}
