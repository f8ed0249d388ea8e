//! One run: from the runtime's tokens to the events of an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rkllm::{Capability, Content, End, Flow, Outcome, RunOptions, TokenRef};
use rkllm_chat::{Message, Output as Pipeline, Role, Summary};

use super::deliver::Delivery;
use super::engine::{Engine, Ticket};
use super::prefix_cache::State;
use super::prompt::Ready;
use super::shape::Check;
use crate::error::{Code, Error};
use crate::generate::{Done, Event, Finish, Timings, Usage};
use crate::worker::protocol::FromChild;

/// How often an answer is generated before one that breaks its schema is an error.
const TRIES: u32 = 2;

impl Engine<'_> {
    /// Generates an answer. Its events end with one `Done` or `Failed`, also if nobody wants it any
    /// more.
    pub(super) fn answer(&mut self, ticket: Ticket<'_>, mut ready: Ready) {
        let delivery = Delivery::new(ticket.id, self.outbox, ready.check.is_some());
        let mut delivery = delivery.with_one_call(ready.one_call);
        for note in std::mem::take(&mut ready.notes) {
            delivery.note(note);
        }
        delivery.send(Event::Started);
        let event = match self.tries(ticket, &mut ready, &mut delivery) {
            Ok(done) => Event::Done(done),
            Err(error) => Event::Failed(error),
        };
        delivery.send(event);
    }

    /// Generates until the answer is as it must be.
    fn tries(
        &mut self,
        ticket: Ticket<'_>,
        ready: &mut Ready,
        delivery: &mut Delivery<'_>,
    ) -> Result<Done, Error> {
        let check = ready.check.take();
        let mut left = TRIES;
        loop {
            let done = self.generate(ticket, ready, delivery)?;
            left -= 1;
            let Some(check) = &check else {
                return Ok(done);
            };
            // What was cut off cannot be as it must be, which its end says.
            if done.finish == Finish::Length {
                delivery.release(None);
                return Ok(done);
            }
            match verdict(check, delivery) {
                Ok(text) => {
                    delivery.release(text);
                    return Ok(done);
                }
                Err(reason) if left > 0 => {
                    delivery.note(format!("the answer is generated again: {reason}"));
                    delivery.clear();
                    ready.options.seed = ready.options.seed.map(|seed| seed.wrapping_add(1));
                }
                Err(_) if !check.strict => {
                    delivery.release(None);
                    return Ok(done);
                }
                Err(reason) => return Err(Error::new(Code::InvalidOutput, reason)),
            }
        }
    }

    /// Generates once.
    fn generate(
        &mut self,
        ticket: Ticket<'_>,
        ready: &Ready,
        delivery: &mut Delivery<'_>,
    ) -> Result<Done, Error> {
        if ticket.gone() {
            return Err(cancelled());
        }
        let (input, options, mut state) = self.placed(ready);
        // A runtime that counts itself ends its answer at the limit, and is ended if it does not.
        let counts_itself = self.loaded.runtime.supports(Capability::PerRunSampling);
        let limit = ready.limit.map(|limit| limit.saturating_add(counts_itself.into()));
        let loaded = Arc::clone(&self.loaded);
        let mut progress = Progress {
            delivery,
            pipeline: ready.pipeline.clone(),
            control: loaded.text.as_ref().map(|text| &text.control),
            ready,
            limit,
            started: Instant::now(),
            first: None,
            last: None,
            tokens: 0,
            ids: Vec::new(),
            answer: String::new(),
            ended: None,
        };
        let outcome = self.session.run(input, &options, |token| match ticket.gone() {
            true => Flow::Stop,
            false => progress.take(token),
        });
        let good = outcome.is_ok();
        let ids = std::mem::take(&mut progress.ids);
        let answer = std::mem::take(&mut progress.answer);
        let ended = match outcome {
            Ok(outcome) if progress.ended.is_some() || outcome.end != End::Stopped => {
                Ok(progress.done(outcome))
            }
            Ok(_) => Err(cancelled()),
            // The state could not be written after a complete answer.
            Err(_) if options.save_prompt_cache.is_some() && progress.first.is_some() => {
                Ok(progress.done(Outcome { end: End::Finished, perf: None }))
            }
            Err(error) => Err(Error::new(Code::InferenceFailed, error.to_string())),
        };
        let answer = ended.is_ok().then_some(answer);
        if let Some(cache) = &mut self.cache {
            state.tokens.extend(ids);
            cache.after(state, options.save_prompt_cache, good);
        }
        self.remember(ready, answer);
        ended
    }

    /// The prompt and what it is run with, given what the runtime holds.
    fn placed(&mut self, ready: &Ready) -> (rkllm::Input, RunOptions, State) {
        let mut input = ready.input.clone();
        let mut options = ready.options.clone();
        let mut state = State { owner: ready.owner, tokens: Vec::new() };
        if let Content::Tokens(tokens) = &input.content {
            state.tokens.clone_from(tokens);
            if let Some(cache) = &mut self.cache {
                let file = cache.before(&mut self.session, &state);
                options.save_prompt_cache = file.unwrap_or_else(|note| {
                    self.outbox.send(&FromChild::Note(note));
                    None
                });
            }
        }
        if let Some(messages) = &ready.remembered {
            let known = self.remembered.len();
            options.keep_history = true;
            match messages.split_last() {
                Some((last, earlier))
                    if known > 0
                        && earlier == self.remembered
                        && ready.owner == self.remembered_for =>
                {
                    input.content = Content::Prompt(last.content.clone());
                }
                _ => self.forget(),
            }
        } else if self.loaded.text.is_none() {
            // A text that is continued as it stands has nothing to do with what came before.
            self.forget();
        }
        (input, options, state)
    }

    /// Notes the conversation that the runtime has to remember.
    fn remember(&mut self, ready: &Ready, answer: Option<String>) {
        if let Some(messages) = &ready.remembered {
            // What the runtime holds of an answer that was cut is not known.
            self.remembered.clear();
            if let Some(answer) = answer {
                self.remembered_for = ready.owner;
                self.remembered.clone_from(messages);
                self.remembered.push(Message::new(Role::Assistant, answer));
            }
        }
    }
}

fn cancelled() -> Error {
    Error::new(Code::InferenceFailed, "the request was cancelled")
}

/// What to deliver in place of the text, or why the answer is not as it must be.
fn verdict(check: &Check, delivery: &Delivery<'_>) -> Result<Option<String>, String> {
    let (text, calls) = delivery.held();
    match &check.schema {
        _ if check.call && calls == 0 => {
            Err("the model called no function although it had to; try again".to_owned())
        }
        // It called a function instead, as it may.
        None => Ok(None),
        Some(_) if calls > 0 => Ok(None),
        Some(schema) => match schema.check(&text) {
            Ok(json) => Ok(Some(json.to_owned())),
            Err(error) => Err(error.to_string()),
        },
    }
}

/// What the sink of a run keeps.
struct Progress<'a, 'b> {
    delivery: &'a mut Delivery<'b>,
    pipeline: Pipeline,
    /// The tokens that the runtime gives no text of.
    control: Option<&'a BTreeMap<i32, String>>,
    ready: &'a Ready,
    /// Tokens after which the run is ended, should the runtime not do that.
    limit: Option<u32>,
    started: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    tokens: u32,
    ids: Vec<i32>,
    /// The text of the answer, where the runtime has to remember the conversation.
    answer: String,
    /// Why we ended the run.
    ended: Option<Ended>,
}

/// Why a run was ended from here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The model had ended its answer, and the runtime did not notice.
    Model,
    /// A stop string was found.
    StopString,
    /// The only call that the answer may have is complete.
    Call,
    /// The answer has all the tokens that it may have.
    Limit,
}

impl Progress<'_, '_> {
    fn take(&mut self, token: TokenRef<'_>) -> Flow {
        if self.ready.end_tokens.contains(&token.id) {
            self.ended = Some(Ended::Model);
            return Flow::Stop;
        }
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        if token.id >= 0 {
            self.tokens += 1;
            self.ids.push(token.id);
        }
        let delivery = &mut *self.delivery;
        if self.ready.remembered.is_some() {
            self.answer.push_str(token.text);
        }
        let text = match self.control.and_then(|control| control.get(&token.id)) {
            // The mark of a call or a thought.
            Some(mark) if token.text.is_empty() && self.pipeline.is_divided_at(mark) => mark,
            _ => token.text,
        };
        let stopped = self.pipeline.push(text, &mut |piece| delivery.piece(piece));
        if token.id >= 0 {
            delivery.token();
        }
        if stopped || delivery.is_over() {
            self.ended = Some(if stopped { Ended::StopString } else { Ended::Call });
            return Flow::Stop;
        }
        self.delivery.alive(now);
        if self.limit.is_some_and(|limit| self.tokens >= limit) {
            self.ended = Some(Ended::Limit);
            return Flow::Stop;
        }
        Flow::Continue
    }

    fn done(self, outcome: Outcome) -> Done {
        let Self { delivery, pipeline, ready, .. } = self;
        let computed = outcome.perf.map(|perf| perf.prefill_tokens);
        let prompt = ready.tokens.or(computed).unwrap_or(0);
        let full = ready.limit.is_some_and(|limit| self.tokens >= limit)
            || prompt.saturating_add(self.tokens) >= ready.context;
        let full = full && matches!(self.ended, None | Some(Ended::Limit));
        let pipeline = if full { pipeline.cut() } else { pipeline };
        let summary = pipeline.finish(&mut |piece| delivery.piece(piece));
        if summary.malformed > 0 {
            let count = summary.malformed;
            delivery.note(format!("{count} calls could not be read and were delivered as text"));
        }
        let usage = Usage {
            prompt,
            cached: prompt.saturating_sub(computed.unwrap_or(prompt)),
            completion: self.tokens,
            thoughts: delivery.thoughts(),
        };
        let first = self.first.unwrap_or_else(Instant::now);
        let timings = Timings {
            prefill: first - self.started,
            decode: self.last.map_or(Duration::ZERO, |last| last - first),
            ..Timings::default()
        };
        // Of calls that are known only at the end, the first one may be whole and another cut.
        let called = delivery.is_over() && !(summary.unclosed_call && summary.tool_calls == 1);
        let stop = summary.stop.and_then(|index| ready.stops.get(index).cloned());
        Done { finish: finish(&summary, full && !called), stop, usage, timings }
    }
}

fn finish(summary: &Summary, cut: bool) -> Finish {
    match (cut, summary.tool_calls) {
        (true, 0) => Finish::Length,
        (true, _) if summary.unclosed_call => Finish::Length,
        (_, 1..) => Finish::ToolCalls,
        (false, 0) => Finish::Stop,
    }
}
