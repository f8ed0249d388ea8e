//! What an answer must look like: llama.cpp's grammar, or llguidance's.

mod guide;
mod lark;
mod notation;
mod schema;
mod vocabulary;

use std::ffi::CString;
use std::sync::{Arc, OnceLock};

use llguidance::ParserFactory;
use llguidance::api::TopLevelGrammar;

pub(crate) use notation::Notation;

use crate::error::Error;
use crate::llama::{Grammar, Model, Token};
use crate::log;
use guide::Guide;

/// What an answer must look like, and how far it has come.
///
/// A clone goes its own way from there.
#[derive(Debug, Clone)]
pub(crate) enum Constraint {
    Grammar(Grammar),
    Guide(Box<Guide>),
}

impl Constraint {
    /// Whether `token`, which must be of the vocabulary, may come next.
    pub(crate) fn allows(&mut self, token: Token) -> Result<bool, Error> {
        match self {
            Self::Grammar(grammar) => Ok(grammar.allows(token)),
            Self::Guide(guide) => guide.allows(token),
        }
    }

    /// Makes every token impossible that may not come next.
    pub(crate) fn mask(&mut self, logits: &mut [f32]) -> Result<(), Error> {
        match self {
            Self::Grammar(grammar) => {
                grammar.mask(logits);
                Ok(())
            }
            Self::Guide(guide) => guide.mask(logits),
        }
    }

    /// Goes on behind `token`, which must be one that [`Self::allows`].
    pub(crate) fn accept(&mut self, token: Token) -> Result<(), Error> {
        match self {
            Self::Grammar(grammar) => {
                grammar.accept(token);
                Ok(())
            }
            Self::Guide(guide) => guide.accept(token),
        }
    }
}

/// Makes the constraints of one model. Any thread may use it at any time.
pub(crate) struct Constraints {
    model: Arc<Model>,
    /// Knows the whole vocabulary, so it is made when it is first needed.
    factory: OnceLock<Result<ParserFactory, String>>,
}

impl std::fmt::Debug for Constraints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Constraints").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Constraints {
    pub(crate) fn new(model: Arc<Model>) -> Self {
        Self { model, factory: OnceLock::new() }
    }

    /// Reads a text in a notation.
    pub(crate) fn parse(&self, notation: Notation, text: &str) -> Result<Constraint, Error> {
        let invalid = |reason| Error::Constraint { notation, reason };
        let most = notation.longest();
        if text.is_empty() || text.len() > most {
            return Err(invalid(format!("it must have between 1 and {most} bytes")));
        }
        let grammar = match notation {
            Notation::Gbnf => {
                return self.grammar(text).map(Constraint::Grammar).map_err(invalid);
            }
            Notation::JsonSchema => json_schema(text),
            Notation::Regex => regex(text),
            Notation::Lark => lark::prepare(text).map(TopLevelGrammar::from_lark),
        };
        let factory = self.factory.get_or_init(|| guide::factory(&self.model));
        let factory = factory.as_ref().map_err(|reason| invalid(reason.clone()))?;
        let guide = grammar.and_then(|grammar| Guide::new(factory, grammar)).map_err(invalid)?;
        Ok(Constraint::Guide(Box::new(guide)))
    }

    fn grammar(&self, text: &str) -> Result<Grammar, String> {
        let text = CString::new(text).map_err(|_| "it has a NUL byte".to_owned())?;
        let (grammar, logged) = log::explained(|| Grammar::new(&self.model, &text));
        grammar.ok_or_else(|| logged.unwrap_or_else(|| "llama.cpp cannot parse it".to_owned()))
    }
}

fn json_schema(text: &str) -> Result<TopLevelGrammar, String> {
    let schema = serde_json::from_str(text).map_err(|error| error.to_string())?;
    schema::prepare(schema).map(TopLevelGrammar::from_json_schema)
}

fn regex(text: &str) -> Result<TopLevelGrammar, String> {
    // llguidance would drop it.
    if text.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1 {
        return Err("it ends with a backslash that escapes nothing".to_owned());
    }
    Ok(TopLevelGrammar::from_regex(text))
}
