//! What an answer must look like.

use std::borrow::Cow;

use rkllm_sys::ext;

/// What an answer must look like: the runtime picks only tokens that lead there.
///
/// The model is not told. It writes better what the prompt asks for as well.
///
/// An answer that is cut off, by a limit on its tokens or by an abort, is a beginning of such a text.
/// Whitespace in JSON is at most a space after each comma and colon; the key `x-guidance` of a schema
/// sets llguidance's options, of which `whitespace_flexible` and `whitespace_pattern` change that.
///
/// ```
/// use rkllm::{Constraint, RunOptions};
///
/// let schema = r#"{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}"#;
/// let options = RunOptions {
///     constraint: Some(Constraint::JsonSchema(schema.to_owned())),
///     ..RunOptions::default()
/// };
/// # assert!(options.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Constraint {
    /// A grammar in GBNF, llama.cpp's notation, whose rule `root` is the answer.
    Gbnf(String),
    /// Any JSON object.
    JsonObject,
    /// A JSON value that a schema describes. Keywords that the runtime cannot hold an answer to are
    /// refused; properties come in the order of the schema.
    JsonSchema(String),
    /// A regular expression, in the notation of the crate `regex`, that matches the whole answer.
    Regex(String),
    /// A grammar in Lark as llguidance extends it, whose rule `start` is the answer: rules,
    /// regular expressions, special tokens such as `<|python_tag|>`, and JSON schemas after `%json`.
    /// Captures are not delivered, and what `stop` matches stays in the answer.
    Lark(String),
}

impl Constraint {
    /// The number of the notation for the runtime, and the text in it.
    pub(crate) fn parts(&self) -> (u32, Cow<'_, str>) {
        match self {
            Self::Gbnf(text) => (ext::RKLLM_EXT_CONSTRAINT_GBNF, text.into()),
            Self::JsonObject => {
                (ext::RKLLM_EXT_CONSTRAINT_JSON_SCHEMA, r#"{"type":"object"}"#.into())
            }
            Self::JsonSchema(text) => (ext::RKLLM_EXT_CONSTRAINT_JSON_SCHEMA, text.into()),
            Self::Regex(text) => (ext::RKLLM_EXT_CONSTRAINT_REGEX, text.into()),
            Self::Lark(text) => (ext::RKLLM_EXT_CONSTRAINT_LARK, text.into()),
        }
    }
}
