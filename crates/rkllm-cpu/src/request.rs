//! What one run is asked to do: the checked content of `RKLLMInput` and `RKLLMInferParam`.

use std::path::PathBuf;

use rkllm_chat::Role;

use crate::generation::Numbers;
use crate::item::Item;
use crate::llama::Token;
use crate::media::Media;
use crate::sampling::Sampling;

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    /// As many as the handle takes at once.
    pub(crate) inputs: Vec<Input>,
    /// What to deliver instead of tokens.
    pub(crate) numbers: Option<Numbers>,
    /// Whether the next run continues this conversation.
    pub(crate) keep_history: bool,
    /// Tokens to deliver at most for each input; `None` for no limit but the context.
    pub(crate) max_new_tokens: Option<usize>,
    pub(crate) sampling: Sampling,
    /// Name of the LoRA adapter to compute with.
    pub(crate) lora: Option<String>,
    /// Where to save the prompt cache.
    pub(crate) save: Option<PathBuf>,
}

/// What is new in this run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// A text, to be put into the chat template.
    Prompt(Said),
    /// A text whose tags stand for embeddings.
    Multimodal(Said, Media),
    /// Tokens, used as they are.
    Tokens(Vec<Token>),
    /// Embeddings, used as they are.
    Rows(Vec<Item>),
}

/// A text that somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) role: Role,
    pub(crate) text: String,
    pub(crate) thinking: bool,
}
