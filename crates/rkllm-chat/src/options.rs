//! What a template is parsed with and what it is rendered with.

use jiff::civil::DateTime;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderOptions {
    /// Whether the prompt ends with the opening of the assistant's turn. On by default.
    pub add_generation_prompt: bool,
    /// The template's `enable_thinking`; undefined there when `None`, so that the template's own
    /// default holds.
    pub enable_thinking: Option<bool>,
    /// The template's `tools`: a JSON array of the functions that the model may call, as OpenAI's
    /// API describes them; `none` there when `None`.
    pub tools: Option<serde_json::Value>,
    /// What `strftime_now` takes for the present; the system clock in local time when `None`.
    pub now: Option<DateTime>,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { add_generation_prompt: true, enable_thinking: None, tools: None, now: None }
    }
}
