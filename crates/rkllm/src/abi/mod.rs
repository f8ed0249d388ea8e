//! The function tables of a runtime and the one place that knows which generation they are of.
//!
//! Everything above speaks in generation-neutral terms; a match on the generation stands here only.

mod call;
mod constrain;
mod layout;
mod raw;
mod v1_1;
mod v1_2_0;
mod v1_2_1;
mod v1_3;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::path::Path;
use std::ptr::NonNull;
use std::time::Duration;

use rkllm_sys::{Generation, MissingSymbol};

use crate::callbacks::Callbacks;
use crate::input::{Content, MediaTags, Role};
use crate::options::DEFAULT_CONTEXT;
use crate::run::{Mode, RunState};
use crate::tensor::TensorRef;
use crate::{Capability, Error, Input, Options, RunOptions};
use raw::{RawOptions, RawRun};

/// The functions of one runtime, and the library that holds them, kept open as long as this lives.
pub(crate) struct Abi {
    table: Table,
    ext: Option<rkllm_sys::ext::Api>,
    name: String,
    /// Last field, so that nothing that points into the library outlives it.
    _library: Option<libloading::Library>,
}

enum Table {
    V1_1(rkllm_sys::v1_1::Api),
    V1_2_0(rkllm_sys::v1_2_0::Api),
    V1_2_1(rkllm_sys::v1_2_1::Api),
    V1_3(rkllm_sys::v1_3::Api),
}

/// How a run is called.
pub(crate) struct Call<'a> {
    userdata: *mut c_void,
    /// Waits for the end of an asynchronous run, asking whether the runtime still runs; `None` for
    /// a run that blocks.
    wait: Option<&'a Wait<'a>>,
}

/// Waits for the end of a run, given a way to ask the runtime whether it runs.
type Wait<'a> = dyn Fn(&Running<'_>) + 'a;
type Running<'a> = dyn Fn() -> bool + 'a;

impl fmt::Debug for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abi").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Abi {
    /// Opens a library that was inspected and found to be of `generation`.
    pub(crate) fn open(path: &Path, generation: Generation, name: String) -> Result<Self, Error> {
        // SAFETY: running the library's initialisers is what the caller asked for; the banner says
        // that it is an RKLLM runtime.
        let library = unsafe { libloading::Library::new(path) }
            .map_err(|source| Error::Load { path: path.to_owned(), source })?;
        // SAFETY: the banner, or the caller over its head, names the generation.
        let table = unsafe { Table::load(&library, generation) };
        let table = table.map_err(|missing| Error::MissingSymbol {
            path: path.to_owned(),
            symbol: missing.symbol,
            generation,
        })?;
        // SAFETY: the names are ours; a library that has all of them follows vendor/rkllm-ext.h.
        let ext = unsafe { rkllm_sys::ext::Api::load(&library) }.ok();
        Ok(Self { table, ext, name, _library: Some(library) })
    }

    /// The runtime that is part of this program.
    #[cfg(feature = "cpu")]
    pub(crate) fn embedded(name: String) -> Self {
        let table = Table::V1_3(rkllm_cpu::api());
        Self { table, ext: Some(rkllm_cpu::ext_api()), name, _library: None }
    }

    pub(crate) fn supports(&self, capability: Capability) -> bool {
        let since = match capability {
            Capability::History
            | Capability::ChatTemplate
            | Capability::Logits
            | Capability::Placement => Generation::V1_2_0,
            Capability::Roles
            | Capability::Batch
            | Capability::Pause
            | Capability::Perf
            | Capability::KvCacheSize
            | Capability::FunctionTools
            | Capability::CrossAttention
            | Capability::ManyImages => Generation::V1_2_1,
            Capability::Video
            | Capability::TagsPerRun
            | Capability::PerRunSampling
            | Capability::IgnoreEos
            | Capability::Callbacks => Generation::V1_3,
            Capability::Tokenizer | Capability::Seed | Capability::Constraint => {
                return self.ext.is_some();
            }
        };
        self.generation() >= since
    }

    fn generation(&self) -> Generation {
        match self.table {
            Table::V1_1(_) => Generation::V1_1,
            Table::V1_2_0(_) => Generation::V1_2_0,
            Table::V1_2_1(_) => Generation::V1_2_1,
            Table::V1_3(_) => Generation::V1_3,
        }
    }

    pub(crate) fn require(&self, capability: Capability) -> Result<(), Error> {
        if self.supports(capability) {
            return Ok(());
        }
        Err(Error::Unsupported { capability, runtime: self.name.clone() })
    }

    fn require_if(&self, asked: bool, capability: Capability) -> Result<(), Error> {
        if asked { self.require(capability) } else { Ok(()) }
    }

    /// The runtime and its version, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The extension functions of the embedded runtime.
    pub(crate) fn ext(&self) -> Result<&rkllm_sys::ext::Api, Error> {
        self.require(Capability::Tokenizer)?;
        Ok(self.ext.as_ref().expect("`require` found the extension"))
    }

    /// Refuses options that this generation has no word for.
    pub(crate) fn check_options(&self, options: &Options) -> Result<(), Error> {
        let placed =
            options.n_keep.is_some() || options.embed_flash.is_some() || options.cpu_mask.is_some();
        self.require_if(placed, Capability::Placement)?;
        self.require_if(options.ignore_eos, Capability::IgnoreEos)?;
        self.require_if(options.batch > 1, Capability::Batch)?;
        self.require_if(options.cross_attention, Capability::CrossAttention)
    }

    /// Refuses run options that this generation has no word for.
    pub(crate) fn check_run(&self, options: &RunOptions, mode: Mode) -> Result<(), Error> {
        let sampled = options.sampling.is_some() || options.max_new_tokens.is_some();
        self.require_if(sampled, Capability::PerRunSampling)?;
        self.require_if(options.seed.is_some(), Capability::Seed)?;
        self.require_if(options.constraint.is_some(), Capability::Constraint)?;
        self.require_if(options.keep_history, Capability::History)?;
        self.require_if(mode == Mode::Logits, Capability::Logits)
    }

    /// Refuses input that this generation has no word for.
    pub(crate) fn check_input(&self, input: &Input) -> Result<(), Error> {
        self.require_if(input.role == Role::Tool || input.enable_thinking, Capability::Roles)?;
        if let Content::Multimodal(media) = &input.content {
            self.require_if(media.videos.is_some(), Capability::Video)?;
            if let Some(images) = &media.images {
                self.require_if(images.count > 1, Capability::ManyImages)?;
                self.require_if(images.tags.is_some(), Capability::TagsPerRun)?;
            }
        }
        Ok(())
    }

    /// Loads a model. `callbacks` must live at an address that stays, as long as the handle.
    pub(crate) fn init(
        &self,
        model: &Path,
        options: &Options,
        callbacks: &mut Callbacks,
    ) -> Result<NonNull<c_void>, Error> {
        self.require_if(!callbacks.is_empty(), Capability::Callbacks)?;
        let options = self.settle(options);
        let raw = RawOptions::new(model, &options)?;
        let places = self.ext.is_none();
        let (status, handle) = match &self.table {
            Table::V1_1(api) => v1_1::init(api, &raw),
            Table::V1_2_0(api) => v1_2_0::init(api, &raw),
            Table::V1_2_1(api) => v1_2_1::init(api, &raw, places),
            Table::V1_3(api) => v1_3::init(api, &raw, places, callbacks),
        };
        match (status, NonNull::new(handle)) {
            (0, Some(handle)) => Ok(handle),
            // Some runtimes return 0 without a handle when NPU memory runs out.
            _ => Err(Error::Init { status, reason: self.reason(), path: model.to_owned() }),
        }
    }

    /// Fills in what the caller left to the runtime. The embedded runtime knows the model's limit;
    /// vendor runtimes have no word for "the model's own".
    fn settle(&self, options: &Options) -> Options {
        let max_context = match self.ext {
            Some(_) => options.max_context,
            None => options.max_context.or(Some(DEFAULT_CONTEXT)),
        };
        Options { max_context, ..options.clone() }
    }

    /// Runs until the answer is complete and returns what `rkllm_run` returned. Errors are those
    /// found before the call.
    ///
    /// # Safety
    /// `handle` came from `init` of this table, is alive and has no other run under way; there are
    /// as many inputs as the session's batch.
    pub(crate) unsafe fn run(
        &self,
        handle: NonNull<c_void>,
        order: &Order<'_>,
        state: &mut RunState<'_>,
    ) -> Result<c_int, Error> {
        let raw = RawRun::new(order.inputs, order.options, order.mode, order.tags)?;
        // After the checks, and the one that may be refused first, so that a run that is refused
        // does not leave them to the next.
        if let Some(constraint) = &order.options.constraint {
            // SAFETY: the caller's promise.
            unsafe { self.set_constraint(handle, constraint)? };
        }
        if let Some(seed) = order.options.seed {
            // SAFETY: the caller's promise.
            let status = unsafe { (self.ext()?.set_seed)(handle.as_ptr(), seed) };
            self.called("rkllm_ext_set_seed", status)?;
        }
        let over = state.over();
        let wait = |running: &Running<'_>| call::wait_for_end(&over, running);
        let wait: &Wait<'_> = &wait;
        let wait = order.options.asynchronous.then_some(wait);
        let call = Call { userdata: std::ptr::from_mut(state).cast(), wait };
        // SAFETY: the caller's promise.
        Ok(unsafe {
            match &self.table {
                Table::V1_1(api) => v1_1::run(api, handle, &raw, call),
                Table::V1_2_0(api) => v1_2_0::run(api, handle, &raw, call),
                Table::V1_2_1(api) => v1_2_1::run(api, handle, &raw, call),
                Table::V1_3(api) => v1_3::run(api, handle, &raw, call),
            }
        })
    }
}

/// What a run is to do.
pub(crate) struct Order<'a> {
    pub(crate) inputs: &'a [Input],
    pub(crate) options: &'a RunOptions,
    pub(crate) mode: Mode,
    /// The marks around pictures of inputs that bring none.
    pub(crate) tags: &'a MediaTags,
}

impl Table {
    /// # Safety
    /// The library is of this generation.
    unsafe fn load(
        library: &libloading::Library,
        generation: Generation,
    ) -> Result<Self, MissingSymbol> {
        // SAFETY: the caller's promise; the tables have the signatures of their generation.
        unsafe {
            match generation {
                Generation::V1_1 => rkllm_sys::v1_1::Api::load(library).map(Self::V1_1),
                Generation::V1_2_0 => rkllm_sys::v1_2_0::Api::load(library).map(Self::V1_2_0),
                Generation::V1_2_1 => rkllm_sys::v1_2_1::Api::load(library).map(Self::V1_2_1),
                Generation::V1_3 => rkllm_sys::v1_3::Api::load(library).map(Self::V1_3),
            }
        }
    }
}

/// The bytes of a C string; nothing for a null pointer, which runtimes send in FINISH and for
/// models without tokenizer.
///
/// # Safety
/// `text` is null or points to a NUL-terminated string that lives as long as `'a`.
unsafe fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// Rows of numbers; `None` where there are none.
///
/// # Safety
/// `data` is null or points to `width * rows` numbers that live as long as `'a`.
unsafe fn numbers<'a>(data: *const f32, width: c_int, rows: c_int) -> Option<TensorRef<'a>> {
    let (width, rows) = (usize::try_from(width).ok()?, usize::try_from(rows).ok()?);
    let length = width.checked_mul(rows).filter(|&length| length > 0)?;
    if data.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(TensorRef { data: unsafe { std::slice::from_raw_parts(data, length) }, width })
}

/// Runtimes have reported NaN and infinity for empty phases.
fn millis(ms: f32) -> Duration {
    Duration::try_from_secs_f32(ms / 1000.0).unwrap_or_default()
}
