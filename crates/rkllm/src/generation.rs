//! The tokens of answers as iterators.

use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use crate::run::{Delivery, Flow, Mode, Outcome};
use crate::shared::Shared;
use crate::{Error, Input, PerfStats, RunOptions, Session};

/// One token of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token's id; -1 for the end of a text whose last character the model left unfinished.
    pub id: i32,
    /// Its text; empty while a character is incomplete, whose bytes come with a later token.
    pub text: String,
}

/// One token of one of several answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchToken {
    /// The index of the input that it answers.
    pub entry: usize,
    /// The token.
    pub token: Token,
}

/// The tokens of one answer.
///
/// Lazy: the run starts with the first call of `next`. Fused: after `None` or an error it yields
/// `None`. Dropping it ends the run and waits until the runtime is idle again.
///
/// Borrows the session, because the runtime does one run per handle at a time:
///
/// ```compile_fail,E0499
/// fn two(session: &mut rkllm::Session) -> Result<(), rkllm::Error> {
///     let first = session.generate("one")?;
///     let second = session.generate("two")?;
///     drop((first, second));
///     Ok(())
/// }
/// ```
#[must_use = "nothing runs until the first token is asked for"]
#[derive(Debug)]
pub struct Generation<'s> {
    run: Run,
    _session: PhantomData<&'s mut Session>,
}

/// The tokens of several answers, in the order in which they come. Otherwise as [`Generation`].
#[must_use = "nothing runs until the first token is asked for"]
#[derive(Debug)]
pub struct BatchGeneration<'s> {
    run: Run,
    _session: PhantomData<&'s mut Session>,
}

/// A run on a thread of its own, pulled from.
#[derive(Debug)]
struct Run {
    shared: Arc<Shared>,
    stage: Stage,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
enum Stage {
    Idle(Vec<Input>, Box<RunOptions>),
    Running(Receiver<BatchToken>, JoinHandle<Result<Outcome, Error>>),
    Done,
}

impl Run {
    fn new(shared: &Arc<Shared>, inputs: Vec<Input>, options: RunOptions) -> Self {
        let stage = Stage::Idle(inputs, Box::new(options));
        Self { shared: Arc::clone(shared), stage, outcome: None }
    }

    fn start(&mut self, inputs: Vec<Input>, options: RunOptions) -> Result<(), Error> {
        // Not bounded but by the context: a leaked answer must not hold the run for ever.
        let (sender, receiver) = channel();
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name("rkllm-run".into())
            .spawn(move || {
                let mut deliver = |delivery: Delivery<'_>| {
                    let Delivery::Token(entry, token) = delivery else { return Flow::Continue };
                    let token = Token { id: token.id, text: token.text.to_owned() };
                    // The receiver is gone when the iterator was dropped.
                    let sent = sender.send(BatchToken { entry, token });
                    sent.map_or(Flow::Stop, |()| Flow::Continue)
                };
                shared.run(&inputs, &options, (Mode::Generate, &mut deliver))
            })
            .map_err(Error::Thread)?;
        self.stage = Stage::Running(receiver, thread);
        Ok(())
    }

    fn next(&mut self) -> Option<Result<BatchToken, Error>> {
        if let Stage::Idle(..) = self.stage
            && let Stage::Idle(inputs, options) = std::mem::replace(&mut self.stage, Stage::Done)
            && let Err(error) = self.start(inputs, *options)
        {
            return Some(Err(error));
        }
        let Stage::Running(tokens, _) = &self.stage else { return None };
        match tokens.recv() {
            Ok(token) => Some(Ok(token)),
            Err(_) => self.join(),
        }
    }

    fn join(&mut self) -> Option<Result<BatchToken, Error>> {
        let Stage::Running(_, thread) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return None;
        };
        match thread.join() {
            Ok(Ok(outcome)) => {
                self.outcome = Some(outcome);
                None
            }
            Ok(Err(error)) => Some(Err(error)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Stage::Running(tokens, thread) = std::mem::replace(&mut self.stage, Stage::Done) {
            drop(tokens);
            self.shared.live.abort();
            // Errors and panics of a run that nobody waits for have nobody to go to.
            let _ = thread.join();
        }
    }
}

impl Generation<'_> {
    pub(crate) fn new(shared: &Arc<Shared>, input: Input, options: RunOptions) -> Self {
        Self { run: Run::new(shared, vec![input], options), _session: PhantomData }
    }

    /// What the runtime measured; `None` until the iterator has ended, and where it reports nothing.
    #[must_use]
    pub fn perf(&self) -> Option<PerfStats> {
        self.run.outcome.and_then(|outcome| outcome.perf)
    }

    /// How the run ended; `None` until the iterator has ended, and after an error.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.run.outcome
    }
}

impl BatchGeneration<'_> {
    pub(crate) fn new(shared: &Arc<Shared>, inputs: Vec<Input>, options: RunOptions) -> Self {
        Self { run: Run::new(shared, inputs, options), _session: PhantomData }
    }

    /// How the run ended; `None` until the iterator has ended, and after an error.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.run.outcome
    }
}

impl Iterator for Generation<'_> {
    type Item = Result<Token, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.run.next()?.map(|token| token.token))
    }
}

impl Iterator for BatchGeneration<'_> {
    type Item = Result<BatchToken, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.run.next()
    }
}

impl FusedIterator for Generation<'_> {}
impl FusedIterator for BatchGeneration<'_> {}
