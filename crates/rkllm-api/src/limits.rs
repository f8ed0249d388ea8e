//! What a model that is in memory can be held to, and what it refuses.

use serde::{Deserialize, Serialize};

/// What is known of a [`Model`](crate::Model) in memory, and so what requests may ask of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Who knows its tokenizer. Where nobody does, the runtime gets text and prompts cannot be counted before they run.
    pub tokenizer: Tokenizer,
    /// Where its chat template is from.
    pub template: Template,
    /// Whether the runtime can hold answers to a schema or a grammar. Elsewhere an answer is checked against its schema, and
    /// made again once.
    pub constraints: bool,
    /// Whether requests may say how tokens are chosen. Elsewhere the model's settings count.
    pub sampling: bool,
    /// Whether a seed makes an answer repeatable.
    pub seed: bool,
    /// Whether texts are turned into vectors.
    pub embeddings: bool,
    /// Whether documents are rated.
    pub rerank: bool,
    /// Whether probabilities of tokens can be told.
    pub logprobs: bool,
    /// What requests are refused for: `tools`, `suffix`, `tokens`, `documents`, `grammar`, `logprobs`.
    pub refused: Vec<String>,
}

/// Who knows the tokenizer of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tokenizer {
    /// The runtime.
    Runtime,
    /// Files beside the model.
    Files,
    /// Nobody but the runtime, which does not tell.
    #[default]
    Unknown,
}

/// Where the chat template of a model is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Template {
    /// The model's settings.
    Settings,
    /// A file beside the model.
    Files,
    /// The model file.
    Model,
    /// The runtime uses one of its own, which shows it one message.
    Runtime,
    /// There is none: conversations are continued as text.
    #[default]
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_format() {
        let limits = Limits {
            template: Template::Runtime,
            embeddings: true,
            refused: vec!["tools".into()],
            ..Limits::default()
        };
        let json = serde_json::to_string(&limits).unwrap();
        insta::assert_snapshot!(json, @r#"{"tokenizer":"unknown","template":"runtime","constraints":false,"sampling":false,"seed":false,"embeddings":true,"rerank":false,"logprobs":false,"refused":["tools"]}"#);
        assert_eq!(serde_json::from_str::<Limits>(&json).unwrap(), limits);
    }
}
