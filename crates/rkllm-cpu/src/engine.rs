//! One handle: a model, its session, and the one run it may have.

use std::ffi::{CString, c_void};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::constraint::{Constraint, Constraints, Notation};
use crate::embedder::Embedder;
use crate::error::Error;
use crate::generation::Lane;
use crate::llama::{Context, ContextOptions, Model};
use crate::log;
use crate::model_file;
use crate::options::{Limits, Options, RunDefaults};
use crate::prompt::Prompting;
use crate::request::Request;
use crate::session::{RunTools, Session, SessionOptions};
use crate::signal::Signal;
use crate::sink::Sink;
use crate::tokenizer::{Tokenizer, TokenizerCallback};

/// The callbacks of a handle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Callbacks {
    pub(crate) sink: Sink,
    pub(crate) tokenizer: Option<TokenizerCallback>,
    pub(crate) embedder: Option<Embedder>,
}

/// A loaded model with all that belongs to its handle.
#[derive(Debug)]
pub(crate) struct Engine {
    model: Arc<Model>,
    signal: Arc<Signal>,
    sink: Sink,
    session: Mutex<Session>,
    seed: Mutex<Option<u32>>,
    constraints: Constraints,
    constraint: Mutex<Option<Constraint>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    context: i32,
    inputs: usize,
    image_tags: [CString; 2],
    init_time: Duration,
    defaults: RunDefaults,
}

impl Engine {
    /// Loads a model and prints what it is.
    pub(crate) fn open(options: &Options, callbacks: Callbacks) -> Result<Self, Error> {
        let start = Instant::now();
        let threads = options.cpus.threads()?;
        let path = options.path()?;
        model_file::check(&path)?;
        let version = options.version;
        log::info(format_args!(
            "rkllm-runtime version: {version}, rknpu driver version: none, platform: CPU"
        ));
        log::info(format_args!("loading rkllm model from {}", path.display()));

        let model = load(options, &path)?;
        let context = options.context(model.context_train())?;
        log::info(format_args!(
            "rkllm-toolkit version: none, max_context_limit: {}, npu_core_num: 0, \
             target_platform: CPU, model_dtype: {}",
            model.context_train(),
            model.data_type()
        ));
        log::info(format_args!("Enabled cpus num: {}", threads.prefill));

        let signal = Arc::new(Signal::new());
        let size = ContextOptions {
            positions: context.unsigned_abs(),
            sequences: u32::from(options.inputs),
            threads,
        };
        let llama = make_context(model, size, Arc::clone(&signal))?;
        if !llama.has_cache() {
            return Err(no_text_generator(&path));
        }
        let model = Arc::clone(llama.model());
        let inputs = usize::from(options.inputs);
        let positions = usize::try_from(context).unwrap_or(0);
        let session = Session::new(
            llama,
            SessionOptions {
                path,
                limits: Limits { positions, inputs, n_keep: options.n_keep },
                runs: options.runs,
                tokenizer: Tokenizer::new(&model, callbacks.tokenizer),
                embedder: callbacks.embedder,
            },
        );
        warn_of(session.prompting());
        Ok(Self {
            constraints: Constraints::new(Arc::clone(&model)),
            model,
            signal,
            sink: callbacks.sink,
            session: Mutex::new(session),
            seed: Mutex::new(None),
            constraint: Mutex::new(None),
            worker: Mutex::new(None),
            context,
            inputs,
            image_tags: options.image_tags.clone(),
            init_time: start.elapsed(),
            defaults: options.runs,
        })
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The context in use, in tokens.
    pub(crate) fn context(&self) -> i32 {
        self.context
    }

    /// Inputs that a run takes at once.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Texts before and after the rows of an image, where inputs do not bring them.
    pub(crate) fn image_tags(&self) -> &[CString; 2] {
        &self.image_tags
    }

    /// What holds for runs that do not bring their own.
    pub(crate) fn defaults(&self) -> RunDefaults {
        self.defaults
    }

    /// Where the results go: `userdata` of the run, or that of the handle if it is null.
    pub(crate) fn sink(&self, userdata: *mut c_void) -> Sink {
        if userdata.is_null() { self.sink } else { self.sink.with_userdata(userdata) }
    }

    /// Makes the next run draw with this seed.
    pub(crate) fn set_seed(&self, seed: u32) {
        *self.seed.lock() = Some(seed);
    }

    /// Reads a constraint, for a run or to see whether it can be used. Any thread may do so, also
    /// during a run.
    pub(crate) fn constraint(&self, notation: Notation, text: &str) -> Result<Constraint, Error> {
        self.constraints.parse(notation, text)
    }

    /// Makes the next run keep to this constraint, or to none.
    pub(crate) fn set_constraint(&self, constraint: Option<Constraint>) {
        *self.constraint.lock() = constraint;
    }

    /// The session, unless a run is using it.
    pub(crate) fn session(&self, function: &'static str) -> Result<MutexGuard<'_, Session>, Error> {
        let idle = !self.is_running();
        self.session.try_lock().filter(|_| idle).ok_or(Error::Busy { function })
    }

    pub(crate) fn is_running(&self) -> bool {
        self.signal.is_running()
    }

    /// Asks the active run to stop.
    pub(crate) fn abort(&self) -> Result<(), Error> {
        if self.signal.abort() { Ok(()) } else { Err(Error::NothingToAbort) }
    }

    /// Stops the active run and waits for its end; no other can begin.
    pub(crate) fn close(&self) -> Result<(), Error> {
        if !self.signal.close() {
            return Err(Error::DestroyInsideRun);
        }
        self.join_worker();
        Ok(())
    }

    fn join_worker(&self) {
        if let Some(worker) = self.worker.lock().take() {
            // The worker catches panics itself.
            let _ = worker.join();
        }
    }
}

/// The active run of an engine, ready to work; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Run {
    active: Active,
    request: Request,
    lanes: Vec<Lane>,
    sink: Sink,
    seed: Option<u32>,
    constraint: Option<Constraint>,
}

/// The claim on the one run of an engine.
#[derive(Debug)]
struct Active(Arc<Engine>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.signal.end();
    }
}

impl Run {
    /// Claims the run and prepares what `request` reads: the caller's memory is not needed after
    /// this.
    pub(crate) fn begin(
        engine: Arc<Engine>,
        function: &'static str,
        sink: Sink,
        request: impl FnOnce(&Engine) -> Result<Request, Error>,
    ) -> Result<Self, Error> {
        if !engine.signal.begin() {
            return Err(Error::Busy { function });
        }
        let active = Active(engine);
        // Before anything can be refused: a refused run must not leave them to the next one.
        let (seed, constraint) = (active.0.seed.lock().take(), active.0.constraint.lock().take());
        let request = request(&active.0)?;
        if request.numbers.is_some() && constraint.is_some() {
            return Err(Error::ConstraintOfNumbers);
        }
        let lanes = active.0.session.lock().compose(&request)?;
        Ok(Self { active, request, lanes, sink, seed, constraint })
    }

    /// Works on this thread until the run has ended.
    pub(crate) fn work(self) -> Result<(), Error> {
        let Self { active, request, lanes, sink, seed, constraint } = self;
        let engine = &active.0;
        engine.signal.work_here();
        let tools = RunTools {
            seed,
            constraint,
            signal: Arc::clone(&engine.signal),
            sink,
            init_time: engine.init_time,
        };
        engine.session.lock().run(&request, lanes, tools)
    }

    /// Works on a thread of its own; `guard` runs the work and tells of its failure.
    pub(crate) fn work_elsewhere(self, guard: fn(Self)) -> Result<(), Error> {
        let engine = Arc::clone(&self.active.0);
        engine.join_worker();
        let worker = thread::Builder::new().name("rkllm-run".to_owned()).spawn(move || guard(self));
        *engine.worker.lock() = Some(worker.map_err(Error::Thread)?);
        Ok(())
    }
}

fn load(options: &Options, path: &Path) -> Result<Model, Error> {
    let (model, logged) = log::explained(|| Model::load(&options.path));
    let model = model.ok_or_else(|| model_file::explain(path, logged))?;
    if model.continues_text() { Ok(model) } else { Err(no_text_generator(path)) }
}

fn no_text_generator(path: &Path) -> Error {
    let reason = "is not a model that continues text; choose another one".to_owned();
    Error::ModelFile { path: path.to_owned(), reason }
}

fn make_context(
    model: Model,
    options: ContextOptions,
    signal: Arc<Signal>,
) -> Result<Context, Error> {
    let (context, logged) = log::explained(|| Context::new(model, options, signal));
    context.ok_or_else(|| Error::Context {
        positions: options.positions,
        reason: logged.unwrap_or_else(|| "not enough memory".to_owned()),
    })
}

fn warn_of(prompting: &Prompting) {
    match prompting {
        Prompting::Template(_) | Prompting::Fixed(_) => {}
        Prompting::Plain => {
            log::warning("the model has no chat template: prompts are used as they are")
        }
        Prompting::Unusable(reason) => log::warning(Error::Template(reason.clone())),
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Engine>();
};
