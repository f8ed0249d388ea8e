//! What a template is parsed with and what it is rendered with.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Error;

/// The variables and functions that a conversation or the model gives to a template.
const RESERVED: [&str; 8] = [
    "messages",
    "tools",
    "documents",
    "add_generation_prompt",
    "bos_token",
    "eos_token",
    "raise_exception",
    "strftime_now",
];

/// The texts of a model's special tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Begin of sequence, the template's `bos_token`; undefined there when `None`.
    pub bos: Option<String>,
    /// End of sequence, the template's `eos_token`; undefined there when `None`.
    pub eos: Option<String>,
    /// Every control token of the vocabulary, in any order: what messages must not smuggle in.
    ///
    /// `bos` and `eos` count as control tokens whether they are listed or not.
    pub control: Vec<String>,
}

/// How a conversation is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RenderOptions {
    /// Whether the prompt ends with the opening of the assistant's turn. On by default; without
    /// effect where `continue_final_message` is on.
    pub add_generation_prompt: bool,
    /// Whether the model goes on with the last message, an assistant's, instead of answering it:
    /// the prompt ends where the text of that message does.
    pub continue_final_message: bool,
    /// The template's `enable_thinking`; undefined there when `None`, so that the template's own
    /// default holds.
    pub enable_thinking: Option<bool>,
    /// The template's `tools`: a JSON array of the functions that the model may call, as OpenAI's
    /// API describes them; `none` there when `None` or empty.
    pub tools: Option<Value>,
    /// The template's `documents`: a JSON array of objects with `title` and `text`, by which some
    /// models answer; `none` there when `None`.
    pub documents: Option<Value>,
    /// Further variables of the template by name, such as `thinking_budget`. An `enable_thinking`
    /// among them counts instead of the field.
    pub kwargs: Map<String, Value>,
    /// What `strftime_now` takes for the present; the system clock in local time when `None`.
    pub now: Option<DateTime>,
}

impl RenderOptions {
    /// Whether the model may call functions.
    pub(crate) fn has_tools(&self) -> bool {
        self.tools.as_ref().is_some_and(|tools| *tools != Value::Array(Vec::new()))
    }

    /// Refuses variables that would take the place of the conversation's own.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.kwargs.keys().find(|name| RESERVED.contains(&name.as_str())) {
            Some(name) => Err(Error::ReservedVariable { name: name.clone() }),
            None => Ok(()),
        }
    }
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            add_generation_prompt: true,
            continue_final_message: false,
            enable_thinking: None,
            tools: None,
            documents: None,
            kwargs: Map::new(),
            now: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_from_where_they_were_sent() {
        let options = RenderOptions {
            tools: Some(serde_json::json!([{ "type": "function" }])),
            kwargs: Map::from_iter([("thinking_budget".to_owned(), 7.into())]),
            now: Some(DateTime::constant(2025, 3, 9, 14, 5, 7, 0)),
            ..RenderOptions::default()
        };
        let sent = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<RenderOptions>(&sent).unwrap(), options);
        assert_eq!(serde_json::from_str::<RenderOptions>("{}").unwrap(), RenderOptions::default());
    }

    #[test]
    fn the_conversations_own_variables_are_refused_by_name() {
        for name in RESERVED {
            let kwargs = Map::from_iter([(name.to_owned(), Value::Null)]);
            let error = RenderOptions { kwargs, ..RenderOptions::default() }.check().unwrap_err();
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }
}
