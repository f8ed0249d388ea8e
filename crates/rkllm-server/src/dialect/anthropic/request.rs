//! The body of a request as it comes. What is not named here has no effect and is listed as such.

use serde::Deserialize;

use super::content::Content;

/// `POST /v1/messages` and `POST /v1/messages/count_tokens`.
#[derive(Debug, Deserialize)]
pub(super) struct Body {
    pub(super) model: Option<String>,
    pub(super) max_tokens: Option<i64>,
    pub(super) messages: Vec<Turn>,
    pub(super) system: Option<Content>,
    pub(super) stream: Option<bool>,
    pub(super) stop_sequences: Option<Vec<String>>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_k: Option<i64>,
    pub(super) tools: Option<Vec<Tool>>,
    pub(super) tool_choice: Option<Choice>,
    pub(super) thinking: Option<Thinking>,
    pub(super) output_config: Option<OutputConfig>,
    /// Where `output_config.format` stood before.
    pub(super) output_format: Option<Format>,
}

/// One message.
#[derive(Debug, Deserialize)]
pub(super) struct Turn {
    pub(super) role: Role,
    pub(super) content: Option<Content>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Assistant,
    #[serde(alias = "developer")]
    System,
}

/// A tool of the client, or one that only Anthropic's servers have.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    pub(super) r#type: Option<String>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) input_schema: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    pub(super) r#type: ChoiceKind,
    pub(super) name: Option<String>,
    pub(super) disable_parallel_tool_use: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChoiceKind {
    Auto,
    Any,
    None,
    Tool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Thinking {
    pub(super) r#type: ThinkingKind,
    pub(super) display: Option<Display>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ThinkingKind {
    Enabled,
    Adaptive,
    Disabled,
}

/// Whether thoughts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Display {
    /// They are, and here as they are.
    #[serde(alias = "full")]
    Summarized,
    /// They are not, but where they were is.
    Omitted,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct OutputConfig {
    pub(super) effort: Option<Effort>,
    pub(super) format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Effort {
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    /// The nearest of the levels that chat templates know.
    pub(super) const fn level(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High | Self::XHigh | Self::Max => "high",
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Format {
    /// There is only one kind; others are refused.
    #[serde(rename = "type")]
    _type: FormatKind,
    pub(super) schema: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FormatKind {
    JsonSchema,
}
