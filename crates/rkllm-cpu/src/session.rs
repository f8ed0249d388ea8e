//! The state of one handle that a run changes.

use std::sync::Arc;

use crate::cache::Cache;
use crate::conversation::Conversation;
use crate::error::Error;
use crate::generation::{Ending, Generation, Rules};
use crate::llama::{Context, Grammar, Token};
use crate::options::RunDefaults;
use crate::prompt::{self, FixedTexts, Prompting, Turn};
use crate::request::{Input, Request};
use crate::sampler::Sampler;
use crate::signal::Signal;
use crate::sink::Sink;

/// The KV cache, the conversation in it, and the template in force.
#[derive(Debug)]
pub(crate) struct Session {
    cache: Cache,
    conversation: Conversation,
    prompting: Prompting,
    /// Positions that conversations may take; the cache may have some more.
    limit: usize,
    defaults: RunDefaults,
}

/// What a run needs beside its request.
#[derive(Debug)]
pub(crate) struct RunTools {
    pub(crate) seed: u32,
    pub(crate) grammar: Option<Grammar>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) sink: Sink,
}

impl Session {
    pub(crate) fn new(context: Context, limit: usize, defaults: RunDefaults) -> Self {
        let prompting = Prompting::of(context.model());
        let cache = Cache::new(context);
        Self { cache, conversation: Conversation::default(), prompting, limit, defaults }
    }

    pub(crate) fn prompting(&self) -> &Prompting {
        &self.prompting
    }

    /// Positions in the KV cache.
    pub(crate) fn cached(&self) -> usize {
        self.cache.len()
    }

    /// The tokens of the conversation with `input` added: what the model is to continue.
    pub(crate) fn compose(&self, input: &Input) -> Result<Vec<Token>, Error> {
        let new = self.input_tokens(input)?;
        let history = self.conversation.len();
        if new.is_empty() && !self.conversation.is_paused() {
            return Err(Error::EmptyInput);
        }
        let sequence = self.conversation.followed_by(&new);
        let context = self.limit;
        match sequence.len() {
            0 => Err(Error::EmptyInput),
            length if length <= context => Ok(sequence),
            prompt if history == 0 => Err(Error::PromptTooLong { prompt, context }),
            length => Err(Error::HistoryTooLong { history, input: length - history, context }),
        }
    }

    fn input_tokens(&self, input: &Input) -> Result<Vec<Token>, Error> {
        let model = self.cache.model();
        match input {
            Input::Tokens(tokens) => {
                model.check_tokens(tokens)?;
                Ok(tokens.clone())
            }
            // What was paused goes on within its turn.
            Input::Prompt { text, .. } if self.conversation.is_paused() => {
                prompt::plain_tokens(model, text)
            }
            Input::Prompt { text, thinking } if self.conversation.is_empty() => {
                let mut tokens = self.prompting.tokens(model, Turn::First, (text, *thinking))?;
                prompt::begin(model, &mut tokens);
                Ok(tokens)
            }
            Input::Prompt { text, thinking } => {
                self.prompting.tokens(model, Turn::Next, (text, *thinking))
            }
        }
    }

    /// Generates what follows `sequence`, as [`Session::compose`] made it for `request`.
    ///
    /// An error is told to the callback too, and leaves the conversation as it was.
    pub(crate) fn run(
        &mut self,
        request: &Request,
        sequence: Vec<Token>,
        mut tools: RunTools,
    ) -> Result<(), Error> {
        let keep_history = request.keep_history;
        let ran = self.generate(request, sequence, &mut tools);
        if ran.is_err() {
            tools.sink.fail();
        }
        self.conversation = match ran? {
            Ending::Paused { tokens } => Conversation::paused(tokens, keep_history),
            Ending::Finished { tokens, end } if keep_history => Conversation::kept(tokens, end),
            Ending::Finished { .. } => Conversation::default(),
        };
        Ok(())
    }

    fn generate(
        &mut self,
        request: &Request,
        sequence: Vec<Token>,
        tools: &mut RunTools,
    ) -> Result<Ending, Error> {
        let vocab = self.cache.model().vocab_size();
        let sampler = Sampler::new(&request.sampling, tools.seed, vocab, &sequence)?;
        let sampler = sampler.within(tools.grammar.take());
        let rules = Rules {
            most_tokens: request.max_new_tokens.unwrap_or(usize::MAX),
            most_positions: self.limit,
            skip_special: self.defaults.skip_special,
            ignore_end: self.defaults.ignore_end,
        };
        Generation::new(&mut self.cache, rules, tools).run(sampler, sequence)
    }

    /// Replaces the template, and forgets the conversation and the cache.
    pub(crate) fn set_template(&mut self, texts: FixedTexts) {
        self.prompting = Prompting::Fixed(texts);
        self.conversation = Conversation::default();
        self.cache.clear();
    }

    /// Forgets the conversation, and the cache but for the system prompt if that is to be kept.
    pub(crate) fn clear(&mut self, keep_system: bool) -> Result<(), Error> {
        let kept =
            if keep_system { self.prompting.system_tokens(self.cache.model())? } else { vec![] };
        self.conversation = Conversation::default();
        self.cache.keep_prefix(&kept);
        Ok(())
    }

    /// Forgets the positions `start..end` of a paused run.
    pub(crate) fn clear_range(&mut self, start: i32, end: i32) -> Result<(), Error> {
        if !self.conversation.may_be_edited() {
            return Err(Error::NotPaused);
        }
        let size = self.cached();
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let Some((from, to)) = range.filter(|&(from, to)| from < to && to <= size) else {
            return Err(Error::Range { start, end, size });
        };
        if !self.cache.remove(from, to) {
            return Err(Error::NotRemovable);
        }
        self.conversation.remove(from, to, size);
        Ok(())
    }
}
