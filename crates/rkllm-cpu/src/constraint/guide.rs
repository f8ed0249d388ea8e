//! llguidance: which tokens may come next.

use std::fmt;
use std::sync::Arc;
use std::thread;

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv};
use llguidance::{Matcher, ParserFactory};

use super::vocabulary;
use crate::error::Error;
use crate::llama::{Model, Token};
use crate::log;

/// What one text may cost. A constraint that needs more is an error, when it is read or when the
/// answer comes to the part that does.
const LIMITS: ParserLimits = ParserLimits {
    max_items_in_row: 4000,
    initial_lexer_fuel: 1_000_000,
    step_lexer_fuel: 200_000,
    step_max_items: 50_000,
    max_lexer_states: 50_000,
    max_grammar_size: 100_000,
    precompute_large_lexemes: true,
    verbose_errors: false,
};

/// Stack of the thread that reads a text: expressions within expressions are functions that call
/// themselves. Untouched pages of it cost nothing.
const READER_STACK: usize = 256 << 20;

/// What is shared by all constraints of a model.
pub(super) fn factory(model: &Model) -> Result<ParserFactory, String> {
    let tree = vocabulary::tree(model)
        .ok_or("the model has no token that ends an answer; only GBNF can be used with it")?;
    let env: TokEnv = Arc::new(ApproximateTokEnv::new(tree));
    let slices = SlicedBiasComputer::json_slices();
    let factory = ParserFactory::new(&env, InferenceCapabilities::default(), &slices);
    let mut factory = factory.map_err(|error| reason(&error))?;
    factory.quiet();
    *factory.limits_mut() = LIMITS;
    Ok(factory)
}

/// A constraint and how far the output has come in it.
///
/// A clone goes its own way from there.
#[derive(Clone)]
pub(crate) struct Guide(Matcher);

impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guide").field("stop_reason", &self.0.stop_reason()).finish_non_exhaustive()
    }
}

impl Guide {
    /// The error says what is wrong with the grammar.
    pub(super) fn new(factory: &ParserFactory, grammar: TopLevelGrammar) -> Result<Self, String> {
        let read = || {
            let parser = factory.create_parser(grammar).map_err(|error| reason(&error))?;
            let mut matcher = Matcher::new(Ok(parser));
            // What allows no beginning at all is refused before anything runs.
            matcher.compute_mask().map_err(|error| reason(&error))?;
            Ok(matcher)
        };
        let mut matcher = thread::scope(|scope| {
            let reader = thread::Builder::new().stack_size(READER_STACK);
            let reader = reader.spawn_scoped(scope, read);
            let reader = reader.map_err(|error| format!("no thread could be started: {error}"))?;
            reader.join().unwrap_or_else(|_| Err("llguidance cannot read it".to_owned()))
        })?;
        for warning in matcher.grammar_warnings() {
            log::warning(format_args!("the constraint holds in part: {}", reason(&warning)));
        }
        Ok(Self(matcher))
    }

    pub(super) fn allows(&mut self, token: Token) -> Result<bool, Error> {
        let Ok(id) = u32::try_from(token) else { return Ok(false) };
        if self.0.is_stopped() {
            let ends = self.0.compute_mask_or_eos().map_err(|error| failed(&error))?;
            return Ok(ends.is_allowed(id));
        }
        self.0.validate_tokens(&[id]).map(|valid| valid == 1).map_err(|error| failed(&error))
    }

    pub(super) fn mask(&mut self, logits: &mut [f32]) -> Result<(), Error> {
        let allowed = self.0.compute_mask_or_eos().map_err(|error| failed(&error))?;
        for (id, logit) in (0..).zip(logits) {
            if !allowed.is_allowed(id) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, token: Token) -> Result<(), Error> {
        match u32::try_from(token) {
            // Behind the end come only tokens that end an answer, which change nothing.
            Ok(id) if !self.0.is_stopped() => {
                self.0.consume_token(id).map_err(|error| failed(&error))
            }
            _ => Ok(()),
        }
    }
}

fn failed(error: &impl fmt::Display) -> Error {
    Error::ConstraintStuck { reason: reason(error) }
}

/// What an error says, in one line: what comes after quotes the text, or tells of the inside.
fn reason(error: &impl fmt::Display) -> String {
    /// Characters; some errors quote a whole text in one line.
    const MOST: usize = 200;
    let text = error.to_string();
    // Errors in regular expressions show the place first.
    let told = text.lines().find_map(|line| line.strip_prefix("error: "));
    match told.or_else(|| text.lines().next()).unwrap_or_default() {
        "NoExtensionBias" => "it allows no token of this model here".to_owned(),
        line if line.chars().count() > MOST => line.chars().take(MOST).chain(['…']).collect(),
        line => line.to_owned(),
    }
}
