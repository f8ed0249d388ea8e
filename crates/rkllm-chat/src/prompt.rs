//! A rendered conversation, ready for a tokenizer.

/// A stretch of a prompt that is tokenized in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The text.
    pub text: String,
    /// Whether special tokens that are spelled out in the text are meant as such.
    ///
    /// A tokenizer parses special tokens in trusted text and reads untrusted text as ordinary
    /// characters.
    pub trusted: bool,
}

/// What was changed about a conversation because the template cannot show it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Adaptation {
    /// The template has no place for a system text, so that it stands in a user message.
    SystemMerged,
    /// Neighbouring messages of one role became one, as the template wants roles to take turns.
    TurnsJoined,
    /// The template shows no tools: the system text describes them in the format of Hermes, so
    /// the model answers `<tool_call>{"name": …, "arguments": …}</tool_call>`.
    ToolsDescribed,
    /// The calls of functions stand in assistant texts, in the same format.
    ToolCallsAsText,
    /// The results of functions stand in user texts, as `<tool_response>…</tool_response>`.
    ToolResultsAsText,
    /// Calls that were made together follow one another, each before its result, as the template
    /// takes one call at a time.
    ToolCallsSplit,
    /// Calls have new ids, of nine letters and digits, as the template refuses the given ones.
    ToolCallsRenamed,
}

/// A rendered conversation: the concatenation of its segments.
///
/// Tokenize the segments one after the other, as one continuing text: without adding a
/// begin-of-sequence token (the template writes it where the model wants it) and without adding
/// spaces between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The parts in order. No two neighbours are trusted, and none is empty.
    pub segments: Vec<Segment>,
    /// What was changed about the conversation; empty where the template took it as it is.
    pub adapted: Vec<Adaptation>,
    /// Whether the prompt ends within the model's reasoning, so that the answer begins with a
    /// thought although the model does not open one.
    pub opens_thought: bool,
}

impl Prompt {
    /// The whole text, special tokens and all.
    ///
    /// For logs of templates, tests and runtimes that take only text: tokenizing this as one
    /// text lets messages smuggle in special tokens.
    pub fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.as_str()).collect()
    }
}
