//! One run: from the runtime's tokens to the events of an answer.

use std::time::{Duration, Instant};

use rkllm::{Content, End, Error as RuntimeError, Flow, Outcome, TokenRef};
use rkllm_chat::StopStrings;

use super::engine::{Engine, Ticket};
use super::outbox::Outbox;
use super::prefix_cache::State;
use super::prompt::Ready;
use crate::error::{Code, Error};
use crate::generate::{Done, Event, Finish, Timings, Usage};
use crate::worker::protocol::{FromChild, Id};

impl Engine<'_> {
    /// Generates an answer. Its events end with one `Done` or `Failed`, also if nobody wants it any
    /// more.
    pub(super) fn answer(&mut self, ticket: Ticket<'_>, ready: Ready) {
        let outbox = self.outbox;
        let mut progress = Progress::new(ticket.id, outbox, &ready);
        progress.send(Event::Started);
        let event = match self.run(ticket, &ready, &mut progress) {
            Some(Ok(outcome)) if progress.stopped || outcome.end != End::Stopped => {
                Event::Done(progress.done(&ready, outcome))
            }
            Some(Ok(_)) | None => {
                Event::Failed(Error::new(Code::InferenceFailed, "the request was cancelled"))
            }
            Some(Err(error)) => Event::Failed(Error::new(Code::InferenceFailed, error.to_string())),
        };
        outbox.send(&FromChild::Event { id: ticket.id, event });
    }

    /// Runs the model; `None` if nobody wants that any more.
    fn run(
        &mut self,
        ticket: Ticket<'_>,
        ready: &Ready,
        progress: &mut Progress<'_>,
    ) -> Option<Result<Outcome, RuntimeError>> {
        if ticket.gone() {
            return None;
        }
        let mut options = ready.options.clone();
        let mut state = State { owner: ready.owner, tokens: Vec::new() };
        if let (Some(cache), Content::Tokens(tokens)) = (&mut self.cache, &ready.input.content) {
            state.tokens.clone_from(tokens);
            options.save_prompt_cache = cache.before(&mut self.session, &state);
        }
        let outcome =
            self.session.run(ready.input.clone(), &options, |token| match ticket.gone() {
                true => Flow::Stop,
                false => progress.take(token),
            });
        if let Some(cache) = &mut self.cache {
            state.tokens.append(&mut progress.ids);
            cache.after(state, options.save_prompt_cache);
        }
        Some(outcome)
    }
}

/// What the sink of a run keeps.
struct Progress<'a> {
    id: Id,
    outbox: &'a Outbox,
    stops: StopStrings,
    started: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    tokens: u32,
    ids: Vec<i32>,
    stopped: bool,
}

impl<'a> Progress<'a> {
    fn new(id: Id, outbox: &'a Outbox, ready: &Ready) -> Self {
        Self {
            id,
            outbox,
            stops: ready.stops.clone(),
            started: Instant::now(),
            first: None,
            last: None,
            tokens: 0,
            ids: Vec::new(),
            stopped: false,
        }
    }

    fn send(&self, event: Event) {
        self.outbox.send(&FromChild::Event { id: self.id, event });
    }

    fn take(&mut self, token: TokenRef<'_>) -> Flow {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        if token.id >= 0 {
            self.tokens += 1;
            self.ids.push(token.id);
        }
        let pushed = self.stops.push(token.text);
        let (text, stopped) = (pushed.text.to_owned(), pushed.stopped);
        if !text.is_empty() {
            self.send(Event::Text(text));
        }
        self.stopped = stopped;
        if stopped { Flow::Stop } else { Flow::Continue }
    }

    fn done(&mut self, ready: &Ready, outcome: Outcome) -> Done {
        if !self.stopped {
            let rest = self.stops.clone().finish();
            if !rest.is_empty() {
                self.send(Event::Text(rest));
            }
        }
        let computed = outcome.perf.map(|perf| perf.prefill_tokens);
        let prompt = ready.tokens.or(computed).unwrap_or(0);
        let usage = Usage {
            prompt,
            cached: prompt.saturating_sub(computed.unwrap_or(prompt)),
            completion: self.tokens,
        };
        let first = self.first.unwrap_or_else(Instant::now);
        let timings = Timings {
            prefill: first - self.started,
            decode: self.last.map_or(Duration::ZERO, |last| last - first),
            ..Timings::default()
        };
        let full = ready.limit.is_some_and(|limit| self.tokens >= limit)
            || prompt.saturating_add(self.tokens) >= ready.context;
        let finish = if full && !self.stopped { Finish::Length } else { Finish::Stop };
        Done { finish, stop: None, usage, timings }
    }
}
