//! What can go wrong in this crate.

use std::path::PathBuf;

/// Why something was refused or could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source of the template is longer than any real template, in bytes.
    #[error(
        "the chat template has {size} bytes; the limit is {limit}: give the model's own template"
    )]
    TemplateTooLarge {
        /// Length of the source.
        size: usize,
        /// Longest source accepted.
        limit: usize,
    },
    /// The source is not a valid template.
    #[error("the chat template cannot be parsed: {0}; mend the template or give another one")]
    Parse(#[source] minijinja::Error),
    /// A file of a model's folder cannot be read.
    #[error("cannot read {}: {source}; check the file and its permissions", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of a model's folder is larger than any real one, in bytes.
    #[error(
        "{} has more than {limit} bytes: replace it with the file that the model came with",
        path.display()
    )]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Largest size accepted.
        limit: usize,
    },
    /// The special tokens cannot be searched for in messages.
    #[error("the special tokens cannot be searched for: {0}; give fewer or shorter ones")]
    SpecialTokens(#[source] aho_corasick::BuildError),
    /// There is nothing to render.
    #[error("the conversation is empty: give at least one message")]
    NoMessages,
    /// A further variable has the name of one that the conversation or the model gives.
    #[error("the template variable `{name}` cannot be set by kwargs: leave it out")]
    ReservedVariable {
        /// The name.
        name: String,
    },
    /// The last message is none that a model could go on with.
    #[error(
        "there is no message to continue: the last one must be an assistant's text without \
         tool calls"
    )]
    NothingToContinue,
    /// The template leaves out the message that is to be continued.
    #[error(
        "the chat template does not show the text of the last message, so it cannot be \
         continued: send it without continue_final_message"
    )]
    NotContinued,
    /// The template refused the conversation by `raise_exception`.
    #[error("the model's chat template refuses this conversation: {message}")]
    Raised {
        /// What the template says.
        message: String,
    },
    /// The template failed while it was rendered.
    #[error("the chat template failed: {0}; change the messages or give another template")]
    Render(#[source] minijinja::Error),
    /// The template did not come to an end within its budget of work.
    #[error(
        "the chat template needs too much work for this conversation: shorten the conversation \
         or give another template"
    )]
    TooMuchWork,
    /// The template made the template engine panic.
    #[error("the template engine cannot handle the chat template: give another one")]
    EnginePanicked,
    /// The system has no room for the thread that templates and schemas are used on.
    #[error("cannot start a thread: {0}; free some memory")]
    NoThread(#[source] std::io::Error),
    /// The rendered prompt is longer than the limit, in bytes.
    #[error("the rendered prompt exceeds {limit} bytes: shorten the conversation")]
    PromptTooLarge {
        /// Longest prompt accepted.
        limit: usize,
    },
    /// The messages use up all the characters that could stand in for special tokens.
    #[error(
        "the messages use too many different private-use and unassigned characters to protect \
         the special tokens in them: remove such characters"
    )]
    NoPlaceholder,
    /// The template does not show every message once, so that no turn can be told from the rest.
    #[error(
        "the chat template leaves out or repeats {what}, so a conversation cannot be continued by \
         its new messages alone; render it per request"
    )]
    NoTurnTexts {
        /// What is not shown once.
        what: &'static str,
    },
    /// A role with another name than those this crate knows.
    #[error("unknown role {role:?}: use system, user, assistant or tool")]
    UnknownRole {
        /// The name given.
        role: String,
    },
    /// More stop strings than are searched for at once.
    #[error("{count} stop strings were given; the limit is {limit}: give fewer")]
    TooManyStops {
        /// How many were given.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// A stop string without text, which would stop every answer before it starts.
    #[error("stop string number {number} is empty: remove it or give it text")]
    EmptyStop {
        /// Its place in the list, counted from one.
        number: usize,
    },
    /// Tags of thoughts that cannot be told apart.
    #[error(
        "the reasoning tags {open:?} and {close:?} cannot be told apart: give two texts that do \
         not begin alike"
    )]
    ReasoningTags {
        /// The opening tag.
        open: String,
        /// The closing tag.
        close: String,
    },
    /// A format of calls with another name than those this crate knows.
    #[error(
        "unknown tool format {name:?}: use hermes, qwen-xml, llama, mistral, gemma, deepseek, glm, python, harmony or json"
    )]
    UnknownToolFormat {
        /// The name given.
        name: String,
    },
    /// A file of a model folder has something else in a field than belongs there.
    #[error("{path}, {field}: {reason}; mend the file or remove it", path = path.display())]
    FileField {
        /// The file.
        path: PathBuf,
        /// The field, as a path from the file's root; `.` for the whole file.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text describes no tokenizer.
    #[cfg(feature = "tokenizer")]
    #[error("tokenizer.json cannot be used: {0}; give the model's own file")]
    Tokenizer(String),
    /// The tokenizer cannot express a text.
    #[cfg(feature = "tokenizer")]
    #[error("the text cannot be tokenized: {0}; change the text or give the model's own tokenizer")]
    Tokenize(String),
    /// The tokenizer does not tell what its tokens add to a text.
    #[cfg(feature = "tokenizer")]
    #[error("the tokenizer cannot turn tokens into text ({what}): give one made for generation")]
    NoDecoder {
        /// What stands in the way.
        what: String,
    },
    /// Hidden states that are no rows of the width given.
    #[error(
        "{values} values are no hidden states of width {width}: give at least one row, and whole ones"
    )]
    HiddenStates {
        /// How many values were given.
        values: usize,
        /// Values per token.
        width: usize,
    },
    /// An embedding that holds an infinite value or none.
    #[error("the embedding holds values that are no numbers: run the input again")]
    NotFinite,
    /// More or fewer dimensions than an embedding can be cut to.
    #[error(
        "{dimensions} dimensions were asked for; the model gives {width}: ask for 1 to {width}"
    )]
    Dimensions {
        /// How many were asked for.
        dimensions: usize,
        /// How many there are.
        width: usize,
    },
    /// The JSON schema is longer than the limit, in bytes of JSON.
    #[cfg(feature = "schema")]
    #[error("the JSON schema has {size} bytes; the limit is {limit}: give a smaller one")]
    SchemaTooLarge {
        /// Its length without white space.
        size: usize,
        /// Longest one accepted.
        limit: usize,
    },
    /// The JSON schema is nested more deeply than the limit.
    #[cfg(feature = "schema")]
    #[error("the JSON schema is nested more than {limit} levels deep: flatten it")]
    SchemaTooDeep {
        /// Deepest nesting accepted.
        limit: usize,
    },
    /// The JSON schema is larger than the limit when every reference is followed.
    #[cfg(feature = "schema")]
    #[error(
        "the JSON schema has more than {limit} parts when references are followed: simplify it"
    )]
    SchemaTooMuchWork {
        /// Most parts accepted.
        limit: u64,
    },
    /// The schema is not a valid one, or refers to another document.
    #[cfg(feature = "schema")]
    #[error("the JSON schema cannot be used, at {at:?}: {reason}; mend the schema")]
    Schema {
        /// The place in the schema, as a JSON pointer.
        at: String,
        /// What is wrong there.
        reason: String,
    },
    /// An answer without JSON in it.
    #[cfg(feature = "schema")]
    #[error("the answer holds no complete JSON value: ask again or allow more tokens")]
    NoJson,
    /// An answer whose JSON breaks the schema.
    #[cfg(feature = "schema")]
    #[error(
        "the answer breaks its JSON schema: `{keyword}` at {at:?}; ask again or relax the schema"
    )]
    SchemaViolation {
        /// The place in the answer, as a JSON pointer; it is cut off when it is long.
        at: String,
        /// The keyword of the schema that does not hold there.
        keyword: String,
    },
    /// An answer whose JSON breaks a schema that is too involved to tell where.
    #[cfg(feature = "schema")]
    #[error("the answer breaks its JSON schema; ask again or relax the schema")]
    SchemaMismatch,
}
