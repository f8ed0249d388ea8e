//! The state of one handle that a run changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::compose::Composer;
use crate::constraint::Constraint;
use crate::conversation::Conversation;
use crate::embedder::Embedder;
use crate::error::Error;
use crate::generation::{Ending, Generation, Lane, Rules};
use crate::llama::Context;
use crate::log;
use crate::lora::{LoraFile, Loras};
use crate::options::{Limits, RunDefaults};
use crate::prompt::{FixedTexts, Prompting};
use crate::prompt_cache::{self, Fingerprint, PromptCache};
use crate::request::Request;
use crate::sampler::Sampler;
use crate::signal::Signal;
use crate::sink::Sink;
use crate::tokenizer::Tokenizer;
use crate::tools::Tools;

/// The KV cache, the conversations in it, and what shapes them.
#[derive(Debug)]
pub(crate) struct Session {
    cache: Cache,
    /// The model's file.
    path: PathBuf,
    /// One for each input that a run takes.
    conversations: Vec<Conversation>,
    prompting: Prompting,
    tokenizer: Tokenizer,
    loras: Loras,
    /// A prompt cache that was loaded and is compared with each prompt.
    loaded: Option<PromptCache>,
    limits: Limits,
    defaults: RunDefaults,
}

/// What a session is made with.
#[derive(Debug)]
pub(crate) struct SessionOptions {
    pub(crate) path: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) runs: RunDefaults,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) embedder: Option<Embedder>,
}

/// What a run needs beside its request.
#[derive(Debug)]
pub(crate) struct RunTools {
    /// For the draws; `None` for chance.
    pub(crate) seed: Option<u32>,
    pub(crate) constraint: Option<Constraint>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) sink: Sink,
    /// How long `rkllm_init` took, which the table of times repeats.
    pub(crate) init_time: Duration,
}

/// The seed by which llama.cpp draws one itself.
const RANDOM_SEED: u32 = u32::MAX;

impl Session {
    pub(crate) fn new(context: Context, options: SessionOptions) -> Self {
        let SessionOptions { path, limits, runs, tokenizer, embedder } = options;
        let prompting = Prompting::of(context.model());
        Self {
            cache: Cache::new(context, limits.inputs, embedder),
            path,
            conversations: vec![Conversation::default(); limits.inputs],
            prompting,
            tokenizer,
            loras: Loras::default(),
            loaded: None,
            limits,
            defaults: runs,
        }
    }

    pub(crate) fn prompting(&self) -> &Prompting {
        &self.prompting
    }

    /// Positions in the KV cache, of each input.
    pub(crate) fn cached(&self) -> Vec<usize> {
        (0..self.limits.inputs).map(|index| self.cache.len(index)).collect()
    }

    /// The conversations with the inputs added: what the model is to continue.
    pub(crate) fn compose(&self, request: &Request) -> Result<Vec<Lane>, Error> {
        if let Some(name) = &request.lora {
            self.loras.find(name)?;
        }
        let composer = self.composer();
        let lanes = self.conversations.iter().zip(&request.inputs);
        lanes.map(|(conversation, input)| composer.lane(conversation, input, request)).collect()
    }

    fn composer(&self) -> Composer<'_> {
        Composer {
            prompting: &self.prompting,
            tokenizer: &self.tokenizer,
            limits: self.limits,
            can_shift: self.cache.can_shift(),
        }
    }

    /// Generates what follows the lanes, as [`Session::compose`] made them for `request`.
    ///
    /// An error is told to the callback too, and leaves the conversation as it was.
    pub(crate) fn run(
        &mut self,
        request: &Request,
        mut lanes: Vec<Lane>,
        mut tools: RunTools,
    ) -> Result<(), Error> {
        let keep_history = request.keep_history;
        self.trace(request, &lanes);
        let ran = self.generate(request, &mut lanes, &mut tools);
        if ran.is_err() {
            tools.sink.fail(lanes.len());
        }
        let paused = ran? == Ending::Paused;
        if tools.signal.is_aborting() {
            log::trace("rkllm_run was aborted");
        }
        log::trace(if paused { "rkllm_run ended" } else { "rkllm_run finish!" });
        self.conversations = lanes
            .into_iter()
            .map(|Lane { items, end, .. }| match (paused, keep_history) {
                (true, _) => Conversation::paused(items, keep_history),
                (false, true) => Conversation::kept(items, end),
                (false, false) => Conversation::default(),
            })
            .collect();
        match &request.save {
            Some(path) => {
                let fingerprint = self.fingerprint()?;
                prompt_cache::save(&mut self.cache, path, &fingerprint)
            }
            None => Ok(()),
        }
    }

    fn trace(&self, request: &Request, lanes: &[Lane]) {
        log::trace(format_args!("keep history status: {}", u8::from(request.keep_history)));
        log::trace(format_args!("n_keep = {}", self.limits.n_keep));
        for (index, lane) in lanes.iter().enumerate() {
            log::trace(format_args!("current kv cache size: {}", self.cache.len(index)));
            log::trace(format_args!(
                "actual input tokens: {}, history length: {}",
                lane.items.len() - lane.input,
                lane.input
            ));
        }
    }

    fn generate(
        &mut self,
        request: &Request,
        lanes: &mut [Lane],
        tools: &mut RunTools,
    ) -> Result<Ending, Error> {
        let lora = request.lora.as_deref().map(|name| self.loras.find(name)).transpose()?;
        self.cache.use_adapter(lora);
        for (index, (lane, conversation)) in lanes.iter().zip(&self.conversations).enumerate() {
            self.cache.follow(index, conversation.items(), lane.discarded);
        }
        if let Some(loaded) = &self.loaded {
            loaded.offer(&mut self.cache, &lanes[0].items);
        }
        let rules = Rules {
            // Shifting would never come to an end.
            most_tokens: request.max_new_tokens.unwrap_or(self.limits.positions),
            most_positions: self.limits.positions,
            skip_special: self.defaults.skip_special,
            ignore_end: self.defaults.ignore_end,
        };
        let constraint = tools.constraint.take();
        let samplers = self.samplers(request, lanes, (tools.seed, constraint))?;
        let generation = Generation::new(&mut self.cache, rules, tools);
        match request.numbers {
            None => generation.run(lanes, samplers),
            Some(numbers) => generation.numbers(lanes, numbers),
        }
    }

    /// One for each lane. With a seed, equal lanes differ nevertheless.
    fn samplers(
        &self,
        request: &Request,
        lanes: &[Lane],
        (seed, constraint): (Option<u32>, Option<Constraint>),
    ) -> Result<Vec<Sampler>, Error> {
        let vocab = self.cache.model().vocab_size();
        let sampler = |(index, lane): (u32, &Lane)| {
            // The greatest number would ask llama.cpp for a seed of its own.
            let seed =
                seed.map_or(RANDOM_SEED, |seed| seed.wrapping_add(index).min(RANDOM_SEED - 1));
            let sampler = Sampler::new(&request.sampling, seed, vocab, &lane.items)?;
            Ok(sampler.within(constraint.clone()))
        };
        (0..).zip(lanes).map(sampler).collect()
    }

    /// Replaces the template, and forgets the conversation and the cache.
    pub(crate) fn set_template(&mut self, texts: FixedTexts) {
        self.prompting = Prompting::Fixed(texts);
        self.forget_conversations();
        self.cache.clear();
    }

    /// Shows functions to the model, and forgets the conversation and the cache.
    pub(crate) fn set_tools(&mut self, tools: Tools) -> Result<(), Error> {
        self.prompting.set_tools(tools)?;
        self.forget_conversations();
        self.cache.clear();
        Ok(())
    }

    /// Loads an adapter that runs may choose.
    pub(crate) fn load_lora(&mut self, file: LoraFile) -> Result<(), Error> {
        self.loras.load(file, self.cache.context())
    }

    /// Compares each prompt with the cache of a file from now on.
    pub(crate) fn load_prompt_cache(&mut self, path: &Path) -> Result<(), Error> {
        let loaded = PromptCache::read(path, &self.fingerprint()?)?;
        if self.limits.inputs > 1 {
            return Err(Error::PromptCacheBatch);
        }
        if loaded.len() > self.limits.positions {
            let reason = "it has more tokens than the context".to_owned();
            return Err(Error::PromptCacheRead { path: path.to_owned(), reason });
        }
        self.loaded = Some(loaded);
        Ok(())
    }

    /// Forgets the loaded prompt cache and what the KV cache has of it.
    pub(crate) fn release_prompt_cache(&mut self) {
        if self.loaded.take().is_some() {
            self.cache.clear();
        }
    }

    fn fingerprint(&self) -> Result<Fingerprint, Error> {
        prompt_cache::fingerprint(&self.path).map_err(|error| Error::ModelFile {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    /// Forgets the conversation, and the cache but for the system prompt if that is to be kept.
    pub(crate) fn clear(&mut self, keep_system: bool) -> Result<(), Error> {
        let kept = if keep_system { self.composer().system()? } else { vec![] };
        self.forget_conversations();
        for index in 0..self.limits.inputs {
            self.cache.keep_prefix(index, &kept);
        }
        Ok(())
    }

    fn forget_conversations(&mut self) {
        self.conversations.fill_with(Conversation::default);
    }

    /// Forgets the positions `start..end` of each input of a paused run.
    pub(crate) fn clear_ranges(&mut self, ranges: &[(i32, i32)]) -> Result<(), Error> {
        let mut checked = Vec::with_capacity(ranges.len());
        // An empty range spares an input beside others.
        let may_be_empty = self.limits.inputs > 1;
        for ((index, conversation), &(start, end)) in
            self.conversations.iter().enumerate().zip(ranges)
        {
            if !conversation.may_be_edited() {
                return Err(Error::NotPaused);
            }
            let size = self.cache.len(index);
            let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
            match range
                .filter(|&(from, to)| to <= size && (from < to || may_be_empty && from == to))
            {
                Some(range) => checked.push(range),
                None => return Err(Error::Range { start, end, size }),
            }
        }
        for (index, range) in checked.into_iter().enumerate().filter(|(_, (from, to))| from < to) {
            let size = self.cache.len(index);
            if !self.cache.remove(index, range) {
                return Err(Error::NotRemovable);
            }
            self.conversations[index].remove(range, size);
        }
        Ok(())
    }
}
