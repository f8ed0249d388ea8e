//! One run: from the runtime's tokens to the events of an answer.

use std::time::{Duration, Instant};

use rkllm::{End, Flow, Outcome, Session, TokenRef};
use rkllm_chat::StopStrings;

use super::outbox::Outbox;
use super::prompt::Ready;
use crate::error::{Code, Error};
use crate::generate::{Done, Event, Finish, Timings, Usage};
use crate::worker::protocol::{FromChild, Id};

/// Generates an answer. Its events end with one `Done` or `Failed`, also if nobody wants it any more.
pub(super) fn answer(
    session: &mut Session,
    id: Id,
    ready: Ready,
    to: (&Outbox, &(dyn Fn() -> bool + Sync)),
) {
    let (outbox, gone) = to;
    let mut progress = Progress {
        id,
        outbox,
        stops: ready.stops.clone(),
        started: Instant::now(),
        first: None,
        last: None,
        tokens: 0,
        stopped: false,
    };
    progress.send(Event::Started);
    let outcome = match gone() {
        true => Ok(None),
        false => session
            .run(ready.input.clone(), &ready.options, |token| match gone() {
                true => Flow::Stop,
                false => progress.take(token),
            })
            .map(Some),
    };
    let event = match outcome {
        Ok(Some(outcome)) if progress.stopped || outcome.end != End::Stopped => {
            Event::Done(progress.done(&ready, outcome))
        }
        Ok(_) => Event::Failed(Error::new(Code::InferenceFailed, "the request was cancelled")),
        Err(error) => Event::Failed(Error::new(Code::InferenceFailed, error.to_string())),
    };
    outbox.send(&FromChild::Event { id, event });
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
    stopped: bool,
}

impl Progress<'_> {
    fn send(&self, event: Event) {
        self.outbox.send(&FromChild::Event { id: self.id, event });
    }

    fn take(&mut self, token: TokenRef<'_>) -> Flow {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.tokens += u32::from(token.id >= 0);
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
