//! The thread that owns the loaded model and runs one job after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rkllm::{Aborter, Capability, End, Flow, Lora, Model, Outcome, Runtime, Session, TokenRef};
use rkllm_chat::{ChatTemplate, SpecialTokens, StopStrings};
use tokio::sync::{mpsc::UnboundedSender, watch};

use super::line::Turn;
use super::prompt::Prepared;
use super::spec::{Facts, LoadError, ModelSpec, RuntimeChoice};
use super::{State, going_down};
use crate::error::{Code, Error};
use crate::generate::{Done, Event, Finish, Timings, Usage};

/// The name under which the adapter of `--lora-model-path` is loaded.
const LORA: &str = "default";

/// What is loaded, as far as other threads may use it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) facts: Facts,
    pub(super) runtime: Runtime,
    /// Tokenizer and template; `None` where the runtime has no tokenizer interface.
    pub(super) text: Option<TextSide>,
    /// What a request changes only if it says so.
    pub(super) options: rkllm::Options,
    /// The adapter that every answer uses.
    pub(super) lora: Option<String>,
}

/// Conversation to tokens on our side of the runtime.
#[derive(Debug)]
pub(super) struct TextSide {
    pub(super) model: Model,
    pub(super) template: Option<ChatTemplate>,
    pub(super) bos: Option<i32>,
    /// Bytes of the longest text that one token stands for.
    pub(super) longest_piece: usize,
}

/// One answer to be generated.
pub(super) struct Job {
    pub(super) prepared: Prepared,
    pub(super) events: UnboundedSender<Event>,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) queued: Duration,
    pub(super) turn: Turn,
}

/// The way to the engine. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Jobs {
    sender: mpsc::Sender<Job>,
    current: Arc<Current>,
}

/// The job that runs, so that it can be aborted and no other.
#[derive(Debug, Default)]
struct Current {
    running: Mutex<Option<(Arc<AtomicBool>, Aborter)>>,
    closed: watch::Sender<bool>,
}

impl Current {
    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }
}

impl Jobs {
    /// Hands a job to the engine; a refusal comes as its last event.
    pub(super) fn send(&self, job: Job) {
        if let Err(mpsc::SendError(job)) = self.sender.send(job) {
            job.fail(super::gone());
        }
    }

    /// Ends a job wherever it is.
    pub(super) fn cancel(&self, cancelled: &Arc<AtomicBool>) {
        cancelled.store(true, Ordering::Relaxed);
        let running = self.current.running.lock();
        if let Some((job, aborter)) = running.as_ref()
            && Arc::ptr_eq(job, cancelled)
        {
            aborter.abort();
        }
    }

    /// Ends the job that runs and refuses every other.
    pub(super) fn close(&self) {
        let running = self.current.running.lock();
        self.current.closed.send_replace(true);
        if let Some((_, aborter)) = running.as_ref() {
            aborter.abort();
        }
    }

    /// Over once [`Jobs::close`] was called.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closed = self.current.closed.subscribe();
        async move {
            if closed.wait_for(|&closed| closed).await.is_err() {
                // The engine is gone without having been closed, which its answers notice.
                std::future::pending().await
            }
        }
    }
}

/// Starts the engine's thread. It reports on `state` and ends with the last [`Jobs`].
pub(super) fn start(spec: ModelSpec, state: watch::Sender<State>) -> std::io::Result<Jobs> {
    let (sender, receiver) = mpsc::channel();
    let current = Arc::<Current>::default();
    let jobs = Jobs { sender, current: Arc::clone(&current) };
    std::thread::Builder::new().name("engine".into()).spawn(move || match load(spec) {
        Ok((session, loaded)) => {
            state.send_replace(State::Ready(Arc::new(loaded)));
            serve(session, &receiver, &current);
        }
        Err(error) => {
            state.send_replace(State::Failed(Arc::new(error)));
        }
    })?;
    Ok(jobs)
}

fn load(spec: ModelSpec) -> Result<(Session, Loaded), LoadError> {
    let name = spec.model.file_name().unwrap_or(spec.model.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let runtime = match &spec.runtime {
        #[cfg(feature = "cpu")]
        RuntimeChoice::Embedded => Runtime::cpu(),
        #[cfg(not(feature = "cpu"))]
        RuntimeChoice::Embedded => return Err(LoadError::NoCpu { model: name }),
        RuntimeChoice::Library(path) => Runtime::open(path)?,
        RuntimeChoice::Search => Runtime::find()
            .map_err(|source| LoadError::NoRuntime { model: name.clone(), source })?,
    };
    let mut options = spec.options.clone();
    if !runtime.supports(Capability::Placement) {
        // The mask is ours, not the user's: such runtimes choose their CPUs themselves.
        options.cpu_mask = None;
    }
    let mut session = runtime.load(&spec.model, &options)?;
    if let Some(path) = &spec.lora {
        let path = path.clone();
        let lora = Lora { path: path.clone(), name: LORA.to_owned(), scale: 1.0 };
        session.load_lora(&lora).map_err(|source| LoadError::Lora { path, source })?;
    }
    if let Some(path) = &spec.prompt_cache {
        session
            .load_prompt_cache(path)
            .map_err(|source| LoadError::PromptCache { path: path.clone(), source })?;
    }
    let text = match runtime.supports(Capability::Tokenizer) {
        true => Some(text_side(session.model()?, &name)?),
        false => None,
    };
    let context = match &text {
        Some(text) => text.model.info()?.context,
        None => spec.options.max_context.unwrap_or(rkllm::DEFAULT_CONTEXT),
    };
    let facts = Facts { runtime: runtime.name().to_owned(), model: name, context };
    let lora = spec.lora.is_some().then(|| LORA.to_owned());
    Ok((session, Loaded { facts, runtime, text, options: spec.options, lora }))
}

fn text_side(model: Model, name: &str) -> Result<TextSide, LoadError> {
    let info = model.info()?;
    let text_of = |token: Option<i32>| match token {
        Some(token) => model.detokenize(&[token], true).map(Some),
        None => Ok(None),
    };
    let (bos, eos) = (text_of(info.bos)?, text_of(info.eos)?);
    let template = match model.metadata("tokenizer.chat_template")? {
        Some(source) => {
            let special = SpecialTokens { bos, eos, control: model.special_tokens()? };
            let template = ChatTemplate::parse(&source, special);
            Some(
                template
                    .map_err(|source| LoadError::Template { model: name.to_owned(), source })?,
            )
        }
        None => None,
    };
    let bos = info.bos.filter(|_| info.add_bos);
    let longest_piece = longest_piece(&model, info.vocab_size)?;
    Ok(TextSide { model, template, bos, longest_piece })
}

fn longest_piece(model: &Model, vocab_size: u32) -> Result<usize, rkllm::Error> {
    let mut longest = 0;
    for token in 0..i32::try_from(vocab_size).unwrap_or(i32::MAX) {
        longest = longest.max(model.detokenize(&[token], true)?.len());
    }
    // Some tokenizers leave out the space that a text begins with.
    Ok(longest + 1)
}

fn serve(mut session: Session, jobs: &mpsc::Receiver<Job>, current: &Current) {
    while let Ok(job) = jobs.recv() {
        if current.is_closed() {
            job.fail(going_down());
            continue;
        }
        *current.running.lock() = Some((Arc::clone(&job.cancelled), session.aborter()));
        // A job cancelled before this point was not running yet, so nobody aborted it.
        if !job.cancelled.load(Ordering::Relaxed) {
            job.run(&mut session, current);
        }
        *current.running.lock() = None;
    }
}

/// What the sink of a run keeps.
struct Progress<'a> {
    events: &'a UnboundedSender<Event>,
    stops: StopStrings,
    started: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    tokens: u32,
    stopped: bool,
}

impl Job {
    fn fail(&self, error: Error) {
        // Nobody listens any more when the client has left.
        let _ = self.events.send(Event::Failed(error));
    }

    fn run(self, session: &mut Session, current: &Current) {
        let mut progress = Progress {
            events: &self.events,
            stops: self.prepared.stops.clone(),
            started: Instant::now(),
            first: None,
            last: None,
            tokens: 0,
            stopped: false,
        };
        let _ = self.events.send(Event::Started);
        let gone = || self.cancelled.load(Ordering::Relaxed) || current.is_closed();
        let options = &self.prepared.options;
        let outcome = session.run(self.prepared.input.clone(), options, |token| match gone() {
            true => Flow::Stop,
            false => progress.take(token),
        });
        let event = match outcome {
            Ok(outcome) if progress.stopped || outcome.end != End::Stopped => {
                progress.done(&self.prepared, outcome, self.queued)
            }
            Ok(_) => Event::Failed(going_down()),
            Err(error) => Event::Failed(Error::new(Code::InferenceFailed, error.to_string())),
        };
        // The turn ends before the client hears of the end, so that its next request is not refused
        // by a line that it just left; and both before anybody closes the engine because nobody is
        // in line any more.
        let _running = current.running.lock();
        drop(self.turn);
        let _ = self.events.send(event);
    }
}

impl Progress<'_> {
    fn take(&mut self, token: TokenRef<'_>) -> Flow {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        self.tokens += u32::from(token.id >= 0);
        let pushed = self.stops.push(token.text);
        if !pushed.text.is_empty() && self.events.send(Event::Text(pushed.text.to_owned())).is_err()
        {
            return Flow::Stop;
        }
        if pushed.stopped {
            self.stopped = true;
            return Flow::Stop;
        }
        Flow::Continue
    }

    fn done(self, prepared: &Prepared, outcome: Outcome, queue: Duration) -> Event {
        if !self.stopped {
            let rest = self.stops.finish();
            if !rest.is_empty() {
                let _ = self.events.send(Event::Text(rest));
            }
        }
        let computed = outcome.perf.map(|perf| perf.prefill_tokens);
        let prompt = prepared.tokens.or(computed).unwrap_or(0);
        let usage = Usage {
            prompt,
            cached: prompt.saturating_sub(computed.unwrap_or(prompt)),
            completion: self.tokens,
        };
        let first = self.first.unwrap_or_else(Instant::now);
        let timings = Timings {
            queue,
            load: Duration::ZERO,
            prefill: first - self.started,
            decode: self.last.map_or(Duration::ZERO, |last| last - first),
        };
        let full = prepared.limit.is_some_and(|limit| self.tokens >= limit)
            || prompt.saturating_add(self.tokens) >= prepared.context;
        let finish = if full && !self.stopped { Finish::Length } else { Finish::Stop };
        Event::Done(Done { finish, stop: None, usage, timings })
    }
}
