//! The loop of one run: evaluate, pick, deliver.

use std::time::Duration;

use crate::cache::Cache;
use crate::error::Error;
use crate::llama::{DecodeError, Token};
use crate::perf::{Perf, timed};
use crate::sampler::Sampler;
use crate::session::RunTools;
use crate::signal::Signal;
use crate::sink::{Sink, Wish};
use crate::token_text::TokenText;

/// When a run ends, and what it shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Tokens to deliver at most.
    pub(crate) most_tokens: usize,
    /// Positions of the cache to use at most.
    pub(crate) most_positions: usize,
    /// Special tokens have no text, and the token that ends the answer is not delivered.
    pub(crate) skip_special: bool,
    /// The tokens that end an answer are tokens like others.
    pub(crate) ignore_end: bool,
}

/// How a run ended: each with all tokens of the conversation, the delivered ones included.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The callback got FINISH. `end` is the token that ended the answer, if one did.
    Finished { tokens: Vec<Token>, end: Option<Token> },
    /// The callback paused the run.
    Paused { tokens: Vec<Token> },
}

/// One run.
#[derive(Debug)]
pub(crate) struct Generation<'a> {
    cache: &'a mut Cache,
    rules: Rules,
    signal: &'a Signal,
    sink: &'a Sink,
    text: TokenText,
    perf: Perf,
}

/// What happens after a token was delivered.
enum Next {
    Token,
    Finish,
    Pause,
}

impl<'a> Generation<'a> {
    pub(crate) fn new(cache: &'a mut Cache, rules: Rules, tools: &'a RunTools) -> Self {
        let RunTools { signal, sink, .. } = tools;
        Self { cache, rules, signal, sink, text: TokenText::default(), perf: Perf::default() }
    }

    /// Evaluates what the cache lacks of `tokens` and generates what follows.
    pub(crate) fn run(
        mut self,
        mut sampler: Sampler,
        mut tokens: Vec<Token>,
    ) -> Result<Ending, Error> {
        let mut end = None;
        let mut picked = self.prefill(&mut sampler, &tokens)?;
        while let Some(token) = picked {
            let ends = !self.rules.ignore_end && self.cache.model().is_end(token);
            if ends {
                end = Some(token);
            } else {
                tokens.push(token);
            }
            match self.deliver(token, ends) {
                Next::Pause => return Ok(Ending::Paused { tokens }),
                Next::Finish => break,
                Next::Token => {}
            }
            if self.signal.is_aborting() {
                break;
            }
            let mut time = Duration::ZERO;
            picked = timed(&mut time, || self.evaluate_and_pick(&mut sampler, &[token]))?;
            self.perf.generate += time;
        }
        self.sink.finish(self.text.rest(), self.perf.report());
        Ok(Ending::Finished { tokens, end })
    }

    /// The first token; `None` if the run was aborted.
    fn prefill(&mut self, sampler: &mut Sampler, tokens: &[Token]) -> Result<Option<Token>, Error> {
        let mut time = Duration::ZERO;
        let picked = timed(&mut time, || {
            let kept = self.cache.reuse(tokens);
            let picked = self.evaluate_and_pick(sampler, &tokens[kept..]);
            self.perf.prefill_tokens = self.cache.len().saturating_sub(kept);
            picked
        });
        self.perf.prefill = time;
        picked
    }

    /// The token that follows `tokens`; `None` if the run was aborted.
    fn evaluate_and_pick(
        &mut self,
        sampler: &mut Sampler,
        tokens: &[Token],
    ) -> Result<Option<Token>, Error> {
        match self.cache.evaluate(tokens) {
            Ok(()) => sampler.pick(self.cache.context()).map(Some),
            Err(DecodeError::Aborted) => Ok(None),
            Err(DecodeError::Failed(status)) => Err(Error::Decode(status)),
        }
    }

    fn deliver(&mut self, token: Token, ends: bool) -> Next {
        let Rules { most_tokens, most_positions, skip_special, .. } = self.rules;
        if ends && skip_special {
            return Next::Finish;
        }
        self.perf.delivered += 1;
        let last = ends || self.perf.delivered >= most_tokens || self.cache.len() >= most_positions;
        let added = self.text.add(self.cache.model(), (token, !skip_special), last);
        match self.sink.token(token, &added) {
            Wish::Pause => Next::Pause,
            Wish::GoOn if last => Next::Finish,
            Wish::GoOn => Next::Token,
        }
    }
}
