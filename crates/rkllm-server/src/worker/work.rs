//! What a model can be asked to do, one thing at a time.

use serde::{Deserialize, Serialize};

use crate::generate::Request;

/// A task for a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Generate an answer, as events.
    Answer(Request),
    /// Only say how many tokens the prompt has: `Output::Count`.
    Count(Request),
    /// Turn texts into vectors: `Output::Vectors`.
    Embed(Embed),
    /// Rate documents by a query: `Output::Scores`.
    Rerank { query: String, documents: Vec<String> },
    /// The tokens of a text: `Output::Tokens`.
    Tokenize { text: String, special: bool },
    /// The text of tokens: `Output::Text`.
    Detokenize(Vec<i32>),
}

impl Work {
    /// Whether it needs the model itself, not only its tokenizer and template.
    pub(super) fn needs_turn(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Embed(_) | Self::Rerank { .. })
    }
}

/// Texts to be turned into vectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Embed {
    pub(crate) inputs: Vec<EmbedInput>,
    /// Numbers per vector; `None` is all.
    pub(crate) dimensions: Option<Dimensions>,
    /// Whether what is too long is cut; else it is refused.
    pub(crate) truncate: bool,
}

/// Numbers that a vector is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Dimensions {
    /// So many; refused where the model's vectors have fewer.
    Exactly(u32),
    /// So many, or all where the model's vectors have fewer.
    AtMost(u32),
}

/// One text to be turned into a vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EmbedInput {
    Text(String),
    Tokens(Vec<i32>),
}

/// What comes of work other than an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Output {
    Count(u32),
    /// One vector of length 1 per input, and the tokens of all inputs.
    Vectors {
        vectors: Vec<Vec<f32>>,
        tokens: u32,
    },
    /// From 0 to 1, one per document, and the tokens of all prompts.
    Scores {
        scores: Vec<f32>,
        tokens: u32,
    },
    Tokens(Vec<i32>),
    Text(String),
}
