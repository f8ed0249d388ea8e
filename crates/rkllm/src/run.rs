//! One run: what the C callback sees and what becomes of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rkllm_chat::Utf8Assembler;

use crate::live::{Aborter, Live};
use crate::{Error, PerfStats};

/// One token as the runtime hands it over, borrowed for the time of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRef<'a> {
    /// The token's id; -1 for the end of a text whose last character the model left unfinished.
    pub id: i32,
    /// Its text; empty while a character is incomplete, whose bytes come with a later token.
    pub text: &'a str,
}

/// What the receiver of a token wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// End the run; no further token is delivered.
    Stop,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Whether the receiver or an [`Aborter`] ended the run. `false`: the model ended its answer or
    /// a limit was reached.
    pub stopped: bool,
    /// What the runtime measured; `None` where it reports nothing.
    pub perf: Option<PerfStats>,
}

/// The states of the C callback, the same in every generation in all but number.
pub(crate) enum State {
    /// A token with text.
    Normal,
    /// A token whose text is not complete yet.
    Waiting,
    /// The run is over.
    Finish,
    /// The run failed, or the state has a number that nobody documented.
    Error,
}

/// One callback, generation-neutral. Pointers are already checked.
pub(crate) struct Report<'a> {
    pub(crate) state: State,
    pub(crate) text: &'a [u8],
    pub(crate) token_id: i32,
    pub(crate) perf: Option<PerfStats>,
}

/// The receiver of a run's tokens. `Send`, because the runtime does not promise on which thread it
/// calls back.
pub(crate) type Sink<'s> = dyn FnMut(TokenRef<'_>) -> Flow + Send + 's;

/// What the callback works on; its address travels through C as `userdata`.
pub(crate) struct RunState<'s> {
    sink: &'s mut Sink<'s>,
    live: &'s Arc<Live>,
    text: Utf8Assembler,
    tokens: u32,
    finished: bool,
    failed: bool,
    perf: Option<PerfStats>,
    panic: Option<Box<dyn Any + Send>>,
}

impl<'s> RunState<'s> {
    pub(crate) fn new(sink: &'s mut Sink<'s>, live: &'s Arc<Live>) -> Self {
        Self {
            sink,
            live,
            text: Utf8Assembler::default(),
            tokens: 0,
            finished: false,
            failed: false,
            perf: None,
            panic: None,
        }
    }

    /// Takes one callback. Never unwinds: a panic of the sink is kept for [`RunState::end`].
    pub(crate) fn report(&mut self, report: Report<'_>) {
        match report.state {
            State::Normal | State::Waiting => self.token(report),
            State::Finish => {
                self.finished = true;
                self.perf = report.perf;
                self.tail(report.text);
            }
            State::Error => self.failed = true,
        }
    }

    fn token(&mut self, report: Report<'_>) {
        if self.live.stopping() {
            // The abort came too early for the runtime to notice, or is about to land.
            return self.stop();
        }
        self.tokens += 1;
        self.deliver(report.token_id, report.text);
    }

    /// FINISH brings text only for a character that the last token left unfinished.
    fn tail(&mut self, text: &[u8]) {
        if !text.is_empty() && !self.live.stopping() {
            self.deliver(-1, text);
        }
    }

    fn deliver(&mut self, id: i32, text: &[u8]) {
        let text = self.text.push(text);
        let token = TokenRef { id, text: &text };
        let sink = &mut self.sink;
        match catch_unwind(AssertUnwindSafe(|| sink(token))) {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => self.stop(),
            Err(panic) => {
                self.panic = Some(panic);
                self.stop();
            }
        }
    }

    /// Ends the run from inside its callback. What `rkllm_abort` does when called here is not
    /// documented, and returning 1 pauses a run, which costs the KV cache; so another thread aborts,
    /// as every program known to work does. Where no thread can be had, the next token asks again.
    #[cold]
    fn stop(&self) {
        let aborter = Aborter(Arc::clone(self.live));
        let spawned =
            std::thread::Builder::new().name("rkllm-abort".into()).spawn(move || aborter.abort());
        drop(spawned);
    }

    /// What the run came to, given what `rkllm_run` returned.
    pub(crate) fn end(self, status: i32) -> Result<Outcome, Error> {
        if let Some(panic) = self.panic {
            std::panic::resume_unwind(panic);
        }
        let stopped = self.live.stopping();
        // An aborted run may end with any code; peers see 0 and the vendor documents none.
        if !stopped {
            if self.failed || status != 0 {
                return Err(Error::Run { status });
            }
            if !self.finished && self.tokens == 0 {
                return Err(Error::NoAnswer);
            }
            let rest = self.text.finish();
            if !rest.is_empty() {
                (self.sink)(TokenRef { id: -1, text: rest });
            }
        }
        Ok(Outcome { stopped, perf: self.perf })
    }
}
