//! The body of a request as it comes. What is not named here has no effect and is listed as such.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::input::Item;
use super::tools::{Choice, WireTool};
use crate::dialect::openai::either::TextOrList;
use crate::dialect::openai::error::{invalid, unsupported};
use crate::dialect::openai::format::Schema;
use crate::error::Error;
use crate::generate::{Format, Overflow};

/// `POST /v1/responses`.
#[derive(Debug, Deserialize)]
pub(super) struct Body {
    pub(super) model: Option<String>,
    pub(super) input: Option<TextOrList<Item>>,
    pub(super) instructions: Option<String>,
    pub(super) previous_response_id: Option<String>,
    pub(super) conversation: Option<Value>,
    pub(super) background: Option<bool>,
    pub(super) store: Option<bool>,
    pub(super) stream: Option<bool>,
    pub(super) max_output_tokens: Option<i64>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_logprobs: Option<i64>,
    pub(super) truncation: Option<Truncation>,
    pub(super) tools: Option<Vec<WireTool>>,
    pub(super) tool_choice: Option<Choice>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) text: Option<Text>,
    pub(super) reasoning: Option<Reasoning>,
    pub(super) metadata: Option<Map<String, Value>>,
}

impl Body {
    /// Refuses what cannot be done here.
    pub(super) fn check(&self) -> Result<(), Error> {
        let (field, instead) = if self.background == Some(true) {
            ("background", "send the request without it and wait, or stream")
        } else if self.conversation.is_some() {
            ("conversation", "send previous_response_id, or the whole conversation as input")
        } else if self.top_logprobs.is_some_and(|count| count > 0) {
            ("top_logprobs", "send the request without it")
        } else {
            return Ok(());
        };
        Err(unsupported(field, format!("{field} is not supported; {instead}")))
    }
}

/// `truncation`: what happens to a conversation that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Truncation {
    Auto,
    Disabled,
}

impl Truncation {
    pub(super) fn overflow(self) -> Overflow {
        match self {
            Self::Auto => Overflow::DropOldest,
            Self::Disabled => Overflow::Refuse,
        }
    }
}

/// `reasoning`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reasoning {
    pub(super) effort: Option<String>,
    summary: Option<String>,
    /// What `summary` was called before.
    generate_summary: Option<String>,
}

impl Reasoning {
    /// Whether thoughts are told as a summary, and the kind that was asked for.
    pub(super) fn summary(&self) -> Result<Option<&str>, Error> {
        let fields = [
            ("reasoning.summary", &self.summary),
            ("reasoning.generate_summary", &self.generate_summary),
        ];
        let asked = fields.iter().find_map(|(field, kind)| Some((field, kind.as_deref()?)));
        match asked {
            None | Some((_, "none")) => Ok(None),
            Some((_, kind @ ("auto" | "concise" | "detailed"))) => Ok(Some(kind)),
            Some((field, kind)) => {
                let kinds = "\"auto\", \"concise\", \"detailed\" or \"none\"";
                Err(unsupported(*field, format!("{field} is {kind:?}; send {kinds}")))
            }
        }
    }
}

/// `text`.
#[derive(Debug, Deserialize)]
pub(super) struct Text {
    pub(super) format: Option<TextFormat>,
}

/// `text.format`, which answers repeat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TextFormat {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

impl Default for TextFormat {
    fn default() -> Self {
        let r#type = "text".to_owned();
        Self { r#type, name: None, description: None, schema: None, strict: None }
    }
}

impl TextFormat {
    pub(super) fn format(&self) -> Result<Format, Error> {
        match (self.r#type.as_str(), &self.schema) {
            ("text", _) => Ok(Format::Text),
            ("json_object", _) => Ok(Format::JsonObject),
            ("json_schema", Some(schema)) => {
                let schema = Schema { schema: Some(schema.clone()), strict: self.strict };
                schema.format("text.format.schema")
            }
            ("json_schema", None) => {
                let message = "text.format.schema is missing; send a JSON schema";
                Err(invalid("text.format.schema", message))
            }
            (other, _) => {
                let kinds = "\"text\", \"json_object\" or \"json_schema\"";
                let message = format!("text.format.type is {other:?}; send {kinds}");
                Err(unsupported("text.format.type", message))
            }
        }
    }
}
