//! What one run is asked to do: the checked content of `RKLLMInput` and `RKLLMInferParam`.

use crate::llama::Token;
use crate::sampling::Sampling;

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) input: Input,
    /// Whether the next run continues this conversation.
    pub(crate) keep_history: bool,
    /// Tokens to deliver at most; `None` for no limit but the context.
    pub(crate) max_new_tokens: Option<usize>,
    pub(crate) sampling: Sampling,
}

/// What is new in this run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// A user's text, to be put into the chat template.
    Prompt { text: String, thinking: bool },
    /// Tokens, used as they are.
    Tokens(Vec<Token>),
}
