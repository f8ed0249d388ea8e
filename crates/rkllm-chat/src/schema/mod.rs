//! Answers that must be JSON, for runtimes that cannot make sure of it themselves.

mod extract;
mod work;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Value, json};

use self::work::Work;
use crate::Error;
use crate::isolate::isolate;

/// Longest schema accepted, in bytes of JSON without white space.
const MAX_SIZE: usize = 256 << 10;

/// Room for the compiled patterns of a schema, in bytes, in equal shares.
const PATTERNS_SIZE: usize = 16 << 20;

/// Most steps that are worth telling where an answer breaks its schema, which takes far more than
/// telling that it does.
const MAX_SEARCH: u64 = 500_000;

/// Longest place shown in an error, in characters.
const MAX_PLACE: usize = 200;

/// A JSON schema that answers are checked against.
///
/// ```
/// use rkllm_chat::JsonSchema;
/// use serde_json::json;
///
/// let schema = json!({ "type": "object", "properties": { "age": { "type": "integer" } } });
/// let schema = JsonSchema::compile(&schema)?;
/// assert_eq!(schema.check("Here it is: {\"age\": 7}. Enjoy!")?, "{\"age\": 7}");
/// let error = schema.check(r#"{"age": "seven"}"#).unwrap_err();
/// assert!(error.to_string().contains("`type` at \"/age\""));
/// # Ok::<(), rkllm_chat::Error>(())
/// ```
#[derive(Debug)]
pub struct JsonSchema {
    validator: Validator,
    work: Work,
    instruction: String,
}

impl JsonSchema {
    /// Makes a schema ready for checks.
    ///
    /// References lead to parts of the same schema by their place, such as `#/$defs/name`. Patterns
    /// have no look-around and no back-references, so that matching takes linear time.
    ///
    /// # Errors
    ///
    /// [`Error::SchemaTooLarge`], [`Error::SchemaTooDeep`], [`Error::SchemaTooMuchWork`], and
    /// [`Error::Schema`] for what is no schema or is refused.
    pub fn compile(schema: &Value) -> Result<Self, Error> {
        let work = Work::of(schema)?;
        let text = schema.to_string();
        if text.len() > MAX_SIZE {
            return Err(Error::SchemaTooLarge { size: text.len(), limit: MAX_SIZE });
        }
        let instruction = format!(
            "Answer with one JSON value and nothing else: no explanation and no code fence. \
             It must follow this JSON schema:\n{text}"
        );
        Ok(Self { validator: validator(schema, work.patterns)?, work, instruction })
    }

    /// The schema of any JSON object.
    ///
    /// # Errors
    ///
    /// [`Error::NoThread`] when the system has no room for the thread that schemas are read on.
    pub fn object() -> Result<Self, Error> {
        let instruction = "Answer with one JSON object and nothing else: no explanation and no \
                           code fence.";
        let schema = Self::compile(&json!({ "type": "object" }))?;
        Ok(Self { instruction: instruction.to_owned(), ..schema })
    }

    /// What to tell the model in the system prompt.
    pub fn instruction(&self) -> &str {
        &self.instruction
    }

    /// The JSON of an answer, as the model wrote it: the whole answer, or the first complete object
    /// or array in it when there is a code fence or prose around.
    ///
    /// # Errors
    ///
    /// [`Error::NoJson`], and for JSON that breaks the schema [`Error::SchemaViolation`], which
    /// quotes nothing but names of members, or [`Error::SchemaMismatch`].
    pub fn check<'t>(&self, answer: &'t str) -> Result<&'t str, Error> {
        let (text, value) = extract::first_json(answer).ok_or(Error::NoJson)?;
        run(|| self.verdict(&value))??;
        Ok(text)
    }

    /// Whether the value follows the schema takes time in proportion to the value, as the library
    /// remembers what it found out about schemas that are part of themselves; where it breaks the
    /// schema, it finds without memory.
    fn verdict(&self, value: &Value) -> Result<(), Error> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        if self.work.recursive || self.work.parts.saturating_mul(size(value)) > MAX_SEARCH {
            return Err(Error::SchemaMismatch);
        }
        let error = self.validator.validate(value).err();
        Err(error.map_or(Error::SchemaMismatch, |error| violation(&error)))
    }
}

/// Runs the library where it may recurse deeply.
fn run<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    isolate(work).map_err(|error| match error {
        Error::EnginePanicked => Error::Schema {
            at: String::new(),
            reason: "the library for schemas cannot handle it".to_owned(),
        },
        error => error,
    })
}

fn validator(schema: &Value, patterns: usize) -> Result<Validator, Error> {
    let share = PATTERNS_SIZE / patterns.max(1);
    let patterns = PatternOptions::regex().size_limit(share).dfa_size_limit(share);
    let options = || jsonschema::options().with_pattern_options(patterns).offline();
    run(|| options().build(schema))?.map_err(|error| Error::Schema {
        at: place(error.instance_path().as_str()),
        reason: error.masked().to_string(),
    })
}

/// How many values there are in a value, itself included.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(items) => 1 + items.values().map(size).sum::<u64>(),
        _ => 1,
    }
}

/// Names where and what, and for a missing member, which.
fn violation(error: &ValidationError<'_>) -> Error {
    let mut at = error.instance_path().as_str().to_owned();
    if let ValidationErrorKind::Required { property: Value::String(name) } = error.kind() {
        at = format!("{at}/{name}");
    }
    Error::SchemaViolation { at: place(&at), keyword: error.kind().keyword().to_owned() }
}

fn place(path: &str) -> String {
    path.chars().take(MAX_PLACE).collect()
}

#[cfg(test)]
mod tests;
