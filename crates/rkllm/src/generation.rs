//! The tokens of one answer as an iterator.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use crate::run::{Flow, Outcome, TokenRef};
use crate::session::Shared;
use crate::{Error, Input, PerfStats, RunOptions, Session};

/// Tokens that may wait between the runtime and the consumer; a slower consumer slows the runtime.
const AHEAD: usize = 64;

/// One token of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token's id; -1 for the end of a text whose last character the model left unfinished.
    pub id: i32,
    /// Its text; empty while a character is incomplete, whose bytes come with a later token.
    pub text: String,
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
    shared: Arc<Shared>,
    stage: Stage,
    outcome: Option<Outcome>,
    _session: PhantomData<&'s mut Session>,
}

#[derive(Debug)]
enum Stage {
    Idle(Box<(Input, RunOptions)>),
    Running(Receiver<Token>, JoinHandle<Result<Outcome, Error>>),
    Done,
}

impl Generation<'_> {
    pub(crate) fn new(shared: &Arc<Shared>, input: Input, options: RunOptions) -> Self {
        Self {
            shared: Arc::clone(shared),
            stage: Stage::Idle(Box::new((input, options))),
            outcome: None,
            _session: PhantomData,
        }
    }

    /// What the runtime measured; `None` until the iterator has ended, and where it reports nothing.
    #[must_use]
    pub fn perf(&self) -> Option<PerfStats> {
        self.outcome.and_then(|outcome| outcome.perf)
    }

    /// How the run ended; `None` until the iterator has ended, and after an error.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    fn start(&mut self, input: Input, options: RunOptions) -> Result<(), Error> {
        let (sender, receiver) = sync_channel(AHEAD);
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name("rkllm-run".into())
            .spawn(move || {
                shared.run(&input, &options, &mut |token: TokenRef<'_>| {
                    let token = Token { id: token.id, text: token.text.to_owned() };
                    // The receiver is gone when the iterator was dropped.
                    sender.send(token).map_or(Flow::Stop, |()| Flow::Continue)
                })
            })
            .map_err(Error::Thread)?;
        self.stage = Stage::Running(receiver, thread);
        Ok(())
    }

    fn join(&mut self) -> Option<Result<Token, Error>> {
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

impl Iterator for Generation<'_> {
    type Item = Result<Token, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Stage::Idle(_) = self.stage
            && let Stage::Idle(start) = std::mem::replace(&mut self.stage, Stage::Done)
            && let Err(error) = self.start(start.0, start.1)
        {
            return Some(Err(error));
        }
        let Stage::Running(tokens, _) = &self.stage else {
            return None;
        };
        match tokens.recv() {
            Ok(token) => Some(Ok(token)),
            Err(_) => self.join(),
        }
    }
}

impl std::iter::FusedIterator for Generation<'_> {}

impl Drop for Generation<'_> {
    fn drop(&mut self) {
        if let Stage::Running(tokens, thread) = std::mem::replace(&mut self.stage, Stage::Done) {
            // The callback may wait for room; without a receiver it goes on and stops.
            drop(tokens);
            self.shared.abort();
            // Errors and panics of a run that nobody waits for have nobody to go to.
            let _ = thread.join();
        }
    }
}
