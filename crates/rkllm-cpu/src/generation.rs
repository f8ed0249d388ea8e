//! The loop of one run: evaluate, pick, deliver.

use std::ffi::CStr;
use std::time::Duration;

use crate::cache::{Cache, Outputs};
use crate::error::Error;
use crate::item::Item;
use crate::llama::{DecodeError, Model, Token};
use crate::log;
use crate::perf::{Perf, timed};
use crate::report;
use crate::sampler::Sampler;
use crate::session::RunTools;
use crate::sink::{Rows, Wish};
use crate::token_text::TokenText;

/// When a run ends, and what it shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Tokens to deliver at most for each input.
    pub(crate) most_tokens: usize,
    /// Positions of the cache to use at most for each input.
    pub(crate) most_positions: usize,
    /// Special tokens have no text, and the token that ends the answer is not delivered.
    pub(crate) skip_special: bool,
    /// The tokens that end an answer are tokens like others.
    pub(crate) ignore_end: bool,
}

/// One input of a run with all that came before it, and what follows.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The whole conversation; delivered tokens are added.
    pub(crate) items: Vec<Item>,
    /// Where in it the new input begins.
    pub(crate) input: usize,
    /// What stays when the full context is shifted; `None` if that ends the run instead.
    pub(crate) keep: Option<usize>,
    /// Positions of the history that made room for the input, and are not among `items`.
    pub(crate) discarded: (usize, usize),
    /// The token by which the model ended its answer.
    pub(crate) end: Option<Token>,
    /// Picked and not delivered yet, or delivered and not evaluated yet.
    next: Option<Token>,
    delivered: usize,
    text: TokenText,
}

impl Lane {
    pub(crate) fn new(items: Vec<Item>, input: usize, keep: Option<usize>) -> Self {
        let text = TokenText::default();
        let discarded = (0, 0);
        Self { items, input, keep, discarded, end: None, next: None, delivered: 0, text }
    }

    /// Takes positions of the history out.
    pub(crate) fn discard(&mut self, (start, end): (usize, usize)) {
        self.items.drain(start..end);
        self.input -= end - start;
        self.discarded = (start, end);
    }
}

/// Numbers that a run may deliver instead of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// The last hidden state of each position.
    Hidden,
    /// The logits of each position.
    Logits,
}

impl Numbers {
    fn outputs(self, numbers: &mut Vec<f32>) -> Outputs<'_> {
        match self {
            Self::Hidden => Outputs::Hidden(numbers),
            Self::Logits => Outputs::Logits(numbers),
        }
    }

    fn rows<'n>(self, numbers: &'n [f32], model: &Model) -> Rows<'n> {
        let width = |size: i32| usize::try_from(size).unwrap_or(1);
        match self {
            Self::Hidden => Rows::Hidden { numbers, width: width(model.embedding_size()) },
            Self::Logits => Rows::Logits { numbers, width: width(model.vocab_size()) },
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The callback got FINISH.
    Finished,
    /// The callback paused the run.
    Paused,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Generation<'a> {
    cache: &'a mut Cache,
    rules: Rules,
    tools: &'a RunTools,
    perf: Perf,
}

impl<'a> Generation<'a> {
    pub(crate) fn new(cache: &'a mut Cache, rules: Rules, tools: &'a RunTools) -> Self {
        Self { cache, rules, tools, perf: Perf::default() }
    }

    /// Evaluates what the cache lacks of the lanes and generates what follows, all in step.
    ///
    /// There is a sampler for each lane.
    pub(crate) fn run(
        mut self,
        lanes: &mut [Lane],
        mut samplers: Vec<Sampler>,
    ) -> Result<Ending, Error> {
        let mut going = self.prefill(lanes, &mut samplers)?;
        while going {
            match self.deliver(lanes) {
                Some(Wish::Pause) => return Ok(Ending::Paused),
                None => break,
                Some(Wish::GoOn) => {}
            }
            if self.tools.signal.is_aborting() || lanes.iter().all(|lane| lane.next.is_none()) {
                break;
            }
            let mut time = Duration::ZERO;
            going = timed(&mut time, || self.step(lanes, &mut samplers))?;
            self.perf.generate += time;
        }
        self.finish(lanes);
        Ok(Ending::Finished)
    }

    /// Evaluates the inputs of the lanes for the numbers that each of their positions gives.
    pub(crate) fn numbers(mut self, lanes: &mut [Lane], kind: Numbers) -> Result<Ending, Error> {
        let mut all = vec![Vec::new(); lanes.len()];
        for (index, (lane, numbers)) in lanes.iter().zip(&mut all).enumerate() {
            if !self.evaluate_input(index, lane, &mut kind.outputs(numbers))? {
                self.finish(lanes);
                return Ok(Ending::Finished);
            }
        }
        let rows: Vec<_> =
            all.iter().map(|numbers| kind.rows(numbers, self.cache.model())).collect();
        let wish = self.tools.sink.rows(&rows);
        // They are large, and FINISH is for what remains of a run.
        drop(all);
        if wish == Wish::Pause {
            return Ok(Ending::Paused);
        }
        self.finish(lanes);
        Ok(Ending::Finished)
    }

    /// Picks the first token of each lane; `false` if the run was aborted.
    fn prefill(&mut self, lanes: &mut [Lane], samplers: &mut [Sampler]) -> Result<bool, Error> {
        for (index, (lane, sampler)) in lanes.iter_mut().zip(samplers).enumerate() {
            if !self.evaluate_input(index, lane, &mut Outputs::Last)? {
                return Ok(false);
            }
            let mut time = Duration::ZERO;
            let picked = timed(&mut time, || sampler.pick(self.cache.context(), -1));
            self.perf.prefill += time;
            lane.next = Some(picked?);
        }
        Ok(true)
    }

    /// Evaluates what the cache lacks of a lane; `false` if the run was aborted.
    ///
    /// What gives output is evaluated even if the cache has it: the last position, or the input.
    fn evaluate_input(
        &mut self,
        index: usize,
        lane: &Lane,
        outputs: &mut Outputs<'_>,
    ) -> Result<bool, Error> {
        let only_last = matches!(outputs, Outputs::Last);
        let reusable = if only_last { lane.items.len() - 1 } else { lane.input };
        let mut time = Duration::ZERO;
        let result = timed(&mut time, || {
            self.cache.keep_prefix(index, &lane.items[..reusable]);
            let kept = self.cache.len(index);
            log::trace(format_args!(
                "kv cache matches {kept} / {} tokens of prompt",
                lane.items.len()
            ));
            let (history, input) = lane.items.split_at(if only_last { kept } else { reusable });
            let mut result = self.cache.evaluate(index, &history[kept..], &mut Outputs::Last);
            if result.is_ok() {
                result = self.cache.evaluate(index, input, outputs);
            }
            self.perf.prefill_tokens += self.cache.len(index).saturating_sub(kept);
            result
        });
        self.perf.prefill += time;
        went_on(result)
    }

    /// Evaluates the delivered tokens and picks the next ones; `false` if the run was aborted.
    fn step(&mut self, lanes: &mut [Lane], samplers: &mut [Sampler]) -> Result<bool, Error> {
        self.shift(lanes)?;
        let next = |(index, lane): (usize, &Lane)| lane.next.map(|token| (index, token));
        let tokens: Vec<_> = lanes.iter().enumerate().filter_map(next).collect();
        if !went_on(self.cache.step(&tokens))? {
            return Ok(false);
        }
        for (position, (index, _)) in (0..).zip(tokens) {
            let token = samplers[index].pick(self.cache.context(), position)?;
            lanes[index].next = Some(token);
        }
        Ok(true)
    }

    /// Makes room in lanes whose context is full.
    fn shift(&mut self, lanes: &mut [Lane]) -> Result<(), Error> {
        let total = self.rules.most_positions;
        for (index, lane) in lanes.iter_mut().enumerate() {
            let cached = self.cache.len(index);
            let (Some(keep), Some(_)) = (lane.keep, lane.next) else { continue };
            if cached < total {
                continue;
            }
            let keep = keep.min(cached - 1);
            let end = keep + (cached - keep).div_ceil(2);
            report::shift((cached, 1), (keep, end), total);
            if !self.cache.remove(index, (keep, end)) {
                return Err(Error::NotRemovable);
            }
            lane.items.drain(keep..end);
        }
        Ok(())
    }

    /// Delivers what was picked, and keeps in `next` what goes on; `None` if there was nothing.
    fn deliver(&mut self, lanes: &mut [Lane]) -> Option<Wish> {
        let Self { cache, rules, tools, perf } = self;
        let mut entries = Vec::with_capacity(lanes.len());
        for (index, lane) in lanes.iter_mut().enumerate() {
            let Some(token) = lane.next else {
                entries.push(None);
                continue;
            };
            let ends = !rules.ignore_end && cache.model().is_end(token);
            if ends {
                lane.end = Some(token);
            } else {
                lane.items.push(Item::Token(token));
            }
            if ends && rules.skip_special {
                lane.next = None;
                entries.push(None);
                continue;
            }
            lane.delivered += 1;
            perf.generated += usize::from(lane.delivered > 1);
            let full = lane.keep.is_none() && cache.len(index) >= rules.most_positions;
            let last = ends || full || lane.delivered >= rules.most_tokens;
            if last {
                lane.next = None;
            }
            let shown = (token, !rules.skip_special);
            entries.push(Some((token, lane.text.add(cache.model(), shown, last))));
        }
        entries.iter().any(Option::is_some).then(|| tools.sink.tokens(&entries))
    }

    fn finish(&self, lanes: &mut [Lane]) {
        let rests: Vec<&CStr> = lanes.iter_mut().map(|lane| lane.text.rest()).collect();
        let perf = self.perf.report();
        report::after_run(self.tools.init_time, &perf);
        self.tools.sink.finish(&rests, perf);
    }
}

/// Whether an evaluation came to its end: `false` if the run was aborted.
fn went_on(result: Result<(), DecodeError>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(DecodeError::Aborted) => Ok(false),
        Err(DecodeError::NoOutput) => Err(Error::NoLogits),
        Err(DecodeError::Failed(status)) => Err(Error::Decode(status)),
        Err(DecodeError::Embedder(code)) => Err(Error::Callback { name: "embed_callback", code }),
    }
}
