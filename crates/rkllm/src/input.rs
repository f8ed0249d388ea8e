//! What a run starts from.

/// What a run starts from.
///
/// ```
/// use rkllm::{Input, Role};
/// let question: Input = "What is the capital of France?".into();
/// assert_eq!(question.role, Role::User);
/// let tokens: Input = vec![1, 2, 3].into();
/// # assert_ne!(question, tokens);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The text or the tokens.
    pub content: Content,
    /// Who speaks; matters to prompt content only.
    pub role: Role,
    /// Whether a model that can think before it answers shall; matters to prompt content only.
    pub enable_thinking: bool,
}

/// Text or tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Text that the runtime wraps in its chat template and tokenizes.
    Prompt(String),
    /// Token ids, used as they are: no template, no BOS added.
    Tokens(Vec<i32>),
}

/// Who speaks in a prompt. The runtime knows these two only: a system prompt is part of the template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The person who asks.
    #[default]
    User,
    /// The result of a tool call.
    Tool,
}

impl From<Content> for Input {
    fn from(content: Content) -> Self {
        Self { content, role: Role::User, enable_thinking: false }
    }
}

impl From<&str> for Input {
    fn from(prompt: &str) -> Self {
        Content::Prompt(prompt.to_owned()).into()
    }
}

impl From<String> for Input {
    fn from(prompt: String) -> Self {
        Content::Prompt(prompt).into()
    }
}

impl From<Vec<i32>> for Input {
    fn from(tokens: Vec<i32>) -> Self {
        Content::Tokens(tokens).into()
    }
}
