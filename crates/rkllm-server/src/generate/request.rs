//! What a client wants generated, in no dialect's words.

use std::ops::RangeInclusive;

use rkllm_chat::Message;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Longest stop string in bytes; text as long as the longest one is held back while streaming.
const MAX_STOP_LEN: usize = 1024;

/// Lowest temperature that is not greedy: below it the logits divided by it overflow.
const MIN_TEMPERATURE: f64 = 1e-6;

/// What one answer is generated from, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) input: Input,
    /// The functions that the model may call.
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_choice: ToolChoice,
    /// Whether the answer ends with its first call.
    pub(crate) one_call: bool,
    /// What the chat template shows the model beside the conversation: objects, most of them with a
    /// `title` and a `text`.
    pub(crate) documents: Vec<serde_json::Value>,
    /// What the answer's text must look like.
    pub(crate) format: Format,
    /// Whether a model that can think before it answers shall; `None` is yes.
    pub(crate) enable_thinking: Option<bool>,
    /// More variables for the chat template.
    pub(crate) template_kwargs: serde_json::Map<String, serde_json::Value>,
    /// What happens to a prompt that is too long; `None`: as the model's settings say.
    pub(crate) overflow: Option<Overflow>,
    /// Tokens that prompt and answer may have together, where that is to be less than the model's
    /// context.
    pub(crate) context: Option<u32>,
    /// What the client wants other than by default.
    pub(crate) tuning: Tuning,
}

/// What an answer is generated from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Input {
    /// A conversation, oldest message first; never empty. With `open` the last message, the
    /// assistant's, is continued instead of answered.
    Chat { messages: Vec<Message>, open: bool },
    /// A text to be continued as it stands, without a chat template. With a suffix, what stands
    /// between the two is generated.
    Text { prompt: String, suffix: Option<String> },
    /// Tokens to be continued as they stand.
    Tokens(Vec<i32>),
}

impl Default for Input {
    fn default() -> Self {
        Self::Chat { messages: Vec::new(), open: false }
    }
}

impl Input {
    /// A conversation to be answered.
    pub(crate) fn chat(messages: Vec<Message>) -> Self {
        Self::Chat { messages, open: false }
    }
}

#[cfg(test)]
impl Request {
    /// The conversation; empty where the input is none.
    pub(crate) fn messages(&self) -> &[Message] {
        match &self.input {
            Input::Chat { messages, .. } => messages,
            Input::Text { .. } | Input::Tokens(_) => &[],
        }
    }
}

/// A function that the model may call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// JSON schema of the arguments: an object.
    pub(crate) parameters: Option<serde_json::Value>,
}

/// Which functions an answer calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToolChoice {
    /// What the model thinks right.
    #[default]
    Auto,
    /// None, though the model is told of them.
    None,
    /// At least one.
    Required,
    /// This one.
    Function(String),
}

/// What the text of an answer must look like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Format {
    #[default]
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that a schema describes. Where the runtime cannot be held to it, an answer that
    /// violates a `strict` one is an error.
    JsonSchema { schema: serde_json::Value, strict: bool },
    /// Text that matches a regular expression as a whole.
    Regex(String),
    /// Text of a grammar in llama.cpp's notation.
    Gbnf(String),
}

/// What happens to a prompt that the context has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Overflow {
    /// The request is refused.
    Refuse,
    /// The oldest turns are left out; system messages, tools and the last turn of the user stay.
    DropOldest,
}

/// What a request may change of the way its answer is generated. `None`: the server's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tuning {
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<i64>,
    pub(crate) repeat_penalty: Option<f64>,
    pub(crate) frequency_penalty: Option<f64>,
    pub(crate) presence_penalty: Option<f64>,
    pub(crate) max_new_tokens: Option<i64>,
    pub(crate) seed: Option<i64>,
    pub(crate) stop: Vec<String>,
}

impl Tuning {
    /// This where it says something, `base` elsewhere.
    pub(crate) fn over(self, base: Self) -> Self {
        Self {
            temperature: self.temperature.or(base.temperature),
            top_p: self.top_p.or(base.top_p),
            top_k: self.top_k.or(base.top_k),
            repeat_penalty: self.repeat_penalty.or(base.repeat_penalty),
            frequency_penalty: self.frequency_penalty.or(base.frequency_penalty),
            presence_penalty: self.presence_penalty.or(base.presence_penalty),
            max_new_tokens: self.max_new_tokens.or(base.max_new_tokens),
            seed: self.seed.or(base.seed),
            stop: if self.stop.is_empty() { base.stop } else { self.stop },
        }
    }

    /// Refuses what has no meaning, naming field, value and range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        number("temperature", self.temperature, 0.0..=2.0)?;
        number("top_p", self.top_p, 0.0..=1.0)?;
        number("repeat_penalty", self.repeat_penalty, 0.01..=10.0)?;
        number("frequency_penalty", self.frequency_penalty, -2.0..=2.0)?;
        number("presence_penalty", self.presence_penalty, -2.0..=2.0)?;
        integer("top_k", self.top_k, 0..=1_000_000)?;
        integer("max_new_tokens", self.max_new_tokens, 1..=i64::from(i32::MAX))?;
        self.check_stops()
    }

    fn check_stops(&self) -> Result<(), Error> {
        for (index, stop) in self.stop.iter().enumerate() {
            if stop.len() > MAX_STOP_LEN {
                let length = stop.len();
                return Err(Error::invalid(format!(
                    "stop[{index}] has {length} bytes; at most {MAX_STOP_LEN} are allowed"
                )));
            }
        }
        Ok(())
    }

    /// Whether the request changes how tokens are chosen.
    pub(crate) fn sampling_fields(&self) -> impl Iterator<Item = &'static str> {
        [
            ("temperature", self.temperature.is_some()),
            ("top_p", self.top_p.is_some()),
            ("top_k", self.top_k.is_some()),
            ("repeat_penalty", self.repeat_penalty.is_some()),
            ("frequency_penalty", self.frequency_penalty.is_some()),
            ("presence_penalty", self.presence_penalty.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, set)| set.then_some(name))
    }
}

/// A temperature as the runtime is given it: what is too small to divide by counts as 0.
pub(crate) fn temperature(value: f64) -> f32 {
    if value < MIN_TEMPERATURE { 0.0 } else { value as f32 }
}

fn number(name: &str, value: Option<f64>, allowed: RangeInclusive<f64>) -> Result<(), Error> {
    match value {
        Some(value) if !allowed.contains(&value) => Err(Error::invalid(format!(
            "{name} is {value:?}; send a number from {} to {}",
            allowed.start(),
            allowed.end()
        ))),
        _ => Ok(()),
    }
}

fn integer(name: &str, value: Option<i64>, allowed: RangeInclusive<i64>) -> Result<(), Error> {
    match value {
        Some(value) if !allowed.contains(&value) => Err(Error::invalid(format!(
            "{name} is {value}; send an integer from {} to {}",
            allowed.start(),
            allowed.end()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(tuning: Tuning) -> String {
        tuning.check().unwrap_err().message
    }

    #[test]
    fn names_field_value_and_range() {
        let base = Tuning::default();
        base.check().unwrap();
        let tuning = Tuning { temperature: Some(9.5), ..base.clone() };
        assert_eq!(refused(tuning), "temperature is 9.5; send a number from 0 to 2");
        let tuning = Tuning { top_k: Some(-1), ..base.clone() };
        assert_eq!(refused(tuning), "top_k is -1; send an integer from 0 to 1000000");
        let tuning = Tuning { max_new_tokens: Some(0), ..base.clone() };
        assert!(refused(tuning).starts_with("max_new_tokens is 0"));
        let tuning = Tuning { top_p: Some(f64::NAN), ..base };
        assert!(refused(tuning).starts_with("top_p is NaN"));
    }

    #[test]
    fn stops_are_bounded_in_length() {
        let stops = |stop: Vec<String>| Tuning { stop, ..Tuning::default() };
        assert!(refused(stops(vec!["x".repeat(1025)])).contains("stop[0] has 1025 bytes"));
        stops(vec!["x".repeat(1024)]).check().unwrap();
    }
}
