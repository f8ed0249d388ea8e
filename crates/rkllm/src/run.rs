//! One run: what the C callback sees and what becomes of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rkllm_chat::Utf8Assembler;

use crate::live::Live;
use crate::tensor::TensorRef;
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
    /// Hold the run; the next run of the session goes on from here with its own input. On runtimes
    /// without [`Capability::Pause`](crate::Capability::Pause) the run ends as with `Stop`, and is
    /// reported so.
    Pause,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Why.
    pub end: End,
    /// What the runtime measured; `None` where it reports nothing.
    pub perf: Option<PerfStats>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The model ended its answer, or a limit was reached.
    Finished,
    /// The receiver or an [`Aborter`](crate::Aborter) ended it.
    Stopped,
    /// The receiver paused it.
    Paused,
}

/// The states of the C callback, the same in every generation in all but number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A token with text, or numbers.
    Normal,
    /// A token whose text is not complete yet.
    Waiting,
    /// The run is over.
    Finish,
    /// The run failed, or the state has a number that nobody documented.
    Error,
}

/// One callback's word on one entry of the batch, generation-neutral. Pointers are already checked.
pub(crate) struct Report<'a> {
    pub(crate) entry: usize,
    pub(crate) state: State,
    pub(crate) text: &'a [u8],
    pub(crate) token_id: i32,
    pub(crate) tensor: Option<TensorRef<'a>>,
    pub(crate) perf: Option<PerfStats>,
}

/// What the callback tells the runtime.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Go on.
    Continue,
    /// Hold the run.
    Pause,
    /// Go on and free the numbers just delivered.
    Release,
}

/// What a run asks the model for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Tokens.
    Generate,
    /// The last hidden layer's states of the prompt's tokens.
    HiddenStates,
    /// The logits of the prompt's tokens.
    Logits,
}

/// One thing that a run delivers.
pub(crate) enum Delivery<'a> {
    /// A token of an entry of the batch.
    Token(usize, TokenRef<'a>),
    /// Numbers.
    Tensor(TensorRef<'a>),
}

/// The receiver of what a run delivers. `Send`, because the runtime does not promise on which
/// thread it calls back.
pub(crate) type Sink<'s> = dyn FnMut(Delivery<'_>) -> Flow + Send + 's;

/// What the callback works on; its address travels through C as `userdata`.
pub(crate) struct RunState<'s> {
    sink: &'s mut Sink<'s>,
    live: &'s Arc<Live>,
    mode: Mode,
    can_pause: bool,
    /// One per entry of the batch.
    texts: Vec<Utf8Assembler>,
    delivered: u32,
    /// Tokens that came after the end was asked for.
    ignored: u32,
    /// Set by the last callback; an asynchronous run is waited for by it.
    over: Arc<AtomicBool>,
    finished: bool,
    paused: bool,
    failed: bool,
    perf: Option<PerfStats>,
    panic: Option<Box<dyn Any + Send>>,
}

/// What a run needs to know of itself to take its callbacks.
pub(crate) struct RunPlan {
    pub(crate) mode: Mode,
    pub(crate) batch: usize,
    pub(crate) can_pause: bool,
}

impl<'s> RunState<'s> {
    pub(crate) fn new(sink: &'s mut Sink<'s>, live: &'s Arc<Live>, plan: &RunPlan) -> Self {
        Self {
            sink,
            live,
            mode: plan.mode,
            can_pause: plan.can_pause,
            texts: (0..plan.batch).map(|_| Utf8Assembler::default()).collect(),
            delivered: 0,
            ignored: 0,
            over: Arc::default(),
            finished: false,
            paused: false,
            failed: false,
            perf: None,
            panic: None,
        }
    }

    /// Entries of the batch: how many results a token's callback brings.
    pub(crate) fn batch(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the last callback has come, for a thread that waits for it.
    pub(crate) fn over(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.over)
    }

    /// Takes one callback. Never unwinds: a panic of the sink is kept for [`RunState::end`].
    pub(crate) fn report(&mut self, report: &Report<'_>) -> Reply {
        let reply = match report.state {
            State::Normal | State::Waiting => self.token(report),
            State::Finish => {
                self.finished = true;
                self.perf = report.perf;
                // FINISH brings text only for a character that the last token left unfinished.
                if !report.text.is_empty() && !self.live.stopping() {
                    self.text(report.entry, -1, report.text);
                }
                Reply::Continue
            }
            State::Error => {
                self.failed = true;
                Reply::Continue
            }
        };
        if self.finished || self.failed || reply == Reply::Pause {
            self.over.store(true, Ordering::Release);
        }
        reply
    }

    fn token(&mut self, report: &Report<'_>) -> Reply {
        if self.live.stopping() {
            // The abort is about to land, or came too early for the runtime to notice. Asked for
            // again after 1, 2, 4, … tokens.
            self.ignored += 1;
            return if self.ignored.is_power_of_two() { self.stop() } else { Reply::Continue };
        }
        let flow = match report.tensor {
            Some(tensor) => {
                self.delivered += 1;
                self.deliver(Delivery::Tensor(tensor))
            }
            // Hidden states have been announced by a callback without them (rknn-llm issue 278).
            None if self.mode != Mode::Generate => Flow::Continue,
            // In a batch, entries that have ended come with a negative id.
            None if report.token_id < 0 && self.batch() > 1 => Flow::Continue,
            None => {
                self.delivered += 1;
                self.text(report.entry, report.token_id, report.text)
            }
        };
        match flow {
            Flow::Continue if report.tensor.is_some() => Reply::Release,
            Flow::Continue => Reply::Continue,
            Flow::Pause if self.can_pause => {
                self.paused = true;
                Reply::Pause
            }
            Flow::Stop | Flow::Pause => self.stop(),
        }
    }

    fn text(&mut self, entry: usize, id: i32, bytes: &[u8]) -> Flow {
        let Some(assembler) = self.texts.get_mut(entry) else { return Flow::Continue };
        let text = assembler.push(bytes);
        let token = TokenRef { id, text: &text };
        let (sink, panic) = (&mut self.sink, &mut self.panic);
        guarded(panic, || sink(Delivery::Token(entry, token)))
    }

    fn deliver(&mut self, delivery: Delivery<'_>) -> Flow {
        let (sink, panic) = (&mut self.sink, &mut self.panic);
        guarded(panic, || sink(delivery))
    }

    /// Ends the run from inside its callback. What `rkllm_abort` does when called here is not
    /// documented, and returning 1 pauses a run, which costs the KV cache; so another thread aborts,
    /// as every program known to work does. Where no thread can be had, the next token asks again.
    #[cold]
    fn stop(&self) -> Reply {
        let live = Arc::clone(self.live);
        let number = self.live.stop();
        let spawned = std::thread::Builder::new()
            .name("rkllm-abort".into())
            .spawn(move || live.abort_run(number));
        drop(spawned);
        Reply::Continue
    }

    /// What the run came to, given what `rkllm_run` returned.
    pub(crate) fn end(self, status: i32) -> Result<Outcome, Error> {
        if let Some(panic) = self.panic {
            std::panic::resume_unwind(panic);
        }
        let end = match (self.live.stopping(), self.paused) {
            (_, true) => End::Paused,
            (true, false) => End::Stopped,
            (false, false) => End::Finished,
        };
        // An aborted run may end with any code; peers see 0 and the vendor documents none.
        if end == End::Finished {
            if self.failed || status != 0 {
                return Err(Error::Run { status, reason: None });
            }
            // Hidden states and logits come without FINISH on some versions.
            if !self.finished && self.delivered == 0 {
                return Err(Error::NoAnswer);
            }
            for (entry, text) in self.texts.into_iter().enumerate() {
                let rest = text.finish();
                if !rest.is_empty() {
                    (self.sink)(Delivery::Token(entry, TokenRef { id: -1, text: rest }));
                }
            }
        }
        Ok(Outcome { end, perf: self.perf })
    }
}

/// Calls the user's code; a panic stops the run and is kept.
fn guarded(panic: &mut Option<Box<dyn Any + Send>>, call: impl FnOnce() -> Flow) -> Flow {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        *panic = Some(payload);
        Flow::Stop
    })
}
