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

/// A rendered conversation: the concatenation of its segments.
///
/// Tokenize the segments one after the other, as one continuing text: without adding a
/// begin-of-sequence token (the template writes it where the model wants it) and without adding
/// spaces between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The parts in order. No two neighbours are trusted, and none is empty.
    pub segments: Vec<Segment>,
    /// Whether the system text was moved into the first user message because the template knows
    /// no system role.
    pub system_merged: bool,
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
