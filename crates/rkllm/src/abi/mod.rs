//! The function tables of a runtime and the one place that knows which generation they are of.
//!
//! Everything above speaks in generation-neutral terms; a match on the generation stands here only.

mod v1_3;

use std::ffi::{CStr, CString, c_int, c_void};
use std::fmt;
use std::path::Path;
use std::ptr::NonNull;

use rkllm_sys::Generation;

use crate::options::{DEFAULT_CONTEXT, Lora};
use crate::run::RunState;
use crate::{Capability, Error, Input, Options, RunOptions};

/// The functions of one runtime, and the library that holds them, kept open as long as this lives.
pub(crate) struct Abi {
    table: Table,
    ext: Option<rkllm_sys::ext::Api>,
    name: String,
    /// Last field, so that nothing that points into the library outlives it.
    _library: Option<libloading::Library>,
}

enum Table {
    V1_3(rkllm_sys::v1_3::Api),
}

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
        let table = match generation {
            // SAFETY: the banner names the generation, whose signatures the table has.
            Generation::V1_3 => unsafe { rkllm_sys::v1_3::Api::load(&library) }.map(Table::V1_3),
            _ => {
                return Err(Error::Generation { path: path.to_owned(), generation });
            }
        };
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
        match capability {
            Capability::PerRunSampling => match self.table {
                Table::V1_3(_) => true,
            },
            Capability::Tokenizer | Capability::Seed => self.ext.is_some(),
        }
    }

    pub(crate) fn require(&self, capability: Capability) -> Result<(), Error> {
        if self.supports(capability) {
            return Ok(());
        }
        Err(Error::Unsupported { capability, runtime: self.name.clone() })
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

    pub(crate) fn init(&self, model: &Path, options: &Options) -> Result<NonNull<c_void>, Error> {
        let path = c_path(model)?;
        let (status, handle) = match &self.table {
            Table::V1_3(api) => v1_3::init(api, &path, &self.settle(options), self.ext.is_none()),
        };
        match (status, NonNull::new(handle)) {
            (0, Some(handle)) => Ok(handle),
            // Some runtimes return 0 without a handle when NPU memory runs out.
            _ => Err(Error::Init { status, path: model.to_owned() }),
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
    /// `handle` came from `init` of this table, is alive and has no other run under way.
    pub(crate) unsafe fn run(
        &self,
        handle: NonNull<c_void>,
        (input, options): (&Input, &RunOptions),
        state: &mut RunState<'_>,
    ) -> Result<c_int, Error> {
        if let Some(seed) = options.seed {
            // SAFETY: the caller's promise.
            let status = unsafe { (self.ext()?.set_seed)(handle.as_ptr(), seed) };
            called("rkllm_ext_set_seed", status)?;
        }
        match &self.table {
            // SAFETY: the caller's promise.
            Table::V1_3(api) => unsafe { v1_3::run(api, handle, (input, options), state) },
        }
    }

    /// # Safety
    /// `handle` came from `init` of this table and is alive.
    pub(crate) unsafe fn abort(&self, handle: NonNull<c_void>) -> c_int {
        match &self.table {
            // SAFETY: the caller's promise; `rkllm_abort` may be called from any thread.
            Table::V1_3(api) => unsafe { (api.abort)(handle.as_ptr()) },
        }
    }

    /// # Safety
    /// `handle` came from `init` of this table, has no run under way and is not used again.
    pub(crate) unsafe fn destroy(&self, handle: NonNull<c_void>) {
        match &self.table {
            // SAFETY: the caller's promise. A refusal leaves nothing that could be done.
            Table::V1_3(api) => unsafe { (api.destroy)(handle.as_ptr()) },
        };
    }

    /// # Safety
    /// `handle` came from `init` of this table, is alive and has no run under way.
    pub(crate) unsafe fn clear_kv_cache(&self, handle: NonNull<c_void>) -> Result<(), Error> {
        let null = std::ptr::null_mut();
        let status = match &self.table {
            // SAFETY: the caller's promise; two null pointers mean the whole cache.
            Table::V1_3(api) => unsafe { (api.clear_kv_cache)(handle.as_ptr(), 0, null, null) },
        };
        called("rkllm_clear_kv_cache", status)
    }

    /// # Safety
    /// `handle` came from `init` of this table, is alive and has no run under way.
    pub(crate) unsafe fn kv_cache_size(&self, handle: NonNull<c_void>) -> Result<u32, Error> {
        // The runtime writes one number per batch entry; sessions have one entry.
        let mut sizes = [0; 1];
        let status = match &self.table {
            // SAFETY: the caller's promise; the array is as long as the batch.
            Table::V1_3(api) => unsafe {
                (api.get_kv_cache_size)(handle.as_ptr(), sizes.as_mut_ptr())
            },
        };
        called("rkllm_get_kv_cache_size", status)?;
        Ok(u32::try_from(sizes[0]).unwrap_or(0))
    }

    /// # Safety
    /// `handle` came from `init` of this table, is alive and has no run under way.
    pub(crate) unsafe fn load_lora(
        &self,
        handle: NonNull<c_void>,
        lora: &Lora,
    ) -> Result<(), Error> {
        let path = c_path(&lora.path)?;
        let name = c_text("the LoRA adapter's name", &lora.name)?;
        let status = match &self.table {
            Table::V1_3(api) => {
                let mut adapter = rkllm_sys::v1_3::RKLLMLoraAdapter {
                    lora_adapter_path: path.as_ptr(),
                    lora_adapter_name: name.as_ptr(),
                    scale: lora.scale,
                };
                // SAFETY: the caller's promise; the texts live until the call returns.
                unsafe { (api.load_lora)(handle.as_ptr(), &mut adapter) }
            }
        };
        called("rkllm_load_lora", status)
    }

    /// # Safety
    /// `handle` came from `init` of this table, is alive and has no run under way.
    pub(crate) unsafe fn load_prompt_cache(
        &self,
        handle: NonNull<c_void>,
        path: &Path,
    ) -> Result<(), Error> {
        let path = c_path(path)?;
        let status = match &self.table {
            // SAFETY: the caller's promise; the path lives until the call returns.
            Table::V1_3(api) => unsafe { (api.load_prompt_cache)(handle.as_ptr(), path.as_ptr()) },
        };
        called("rkllm_load_prompt_cache", status)
    }

    /// # Safety
    /// `handle` came from `init` of this table, is alive and has no run under way.
    pub(crate) unsafe fn set_chat_template(
        &self,
        handle: NonNull<c_void>,
        texts: [&str; 3],
    ) -> Result<(), Error> {
        let system = c_text("the system prompt", texts[0])?;
        let prefix = c_text("the prompt prefix", texts[1])?;
        let postfix = c_text("the prompt postfix", texts[2])?;
        let status = match &self.table {
            // SAFETY: the caller's promise; the texts live until the call returns.
            Table::V1_3(api) => unsafe {
                (api.set_chat_template)(
                    handle.as_ptr(),
                    system.as_ptr(),
                    prefix.as_ptr(),
                    postfix.as_ptr(),
                )
            },
        };
        called("rkllm_set_chat_template", status)
    }
}

/// Turns the status of a call that only succeeds or fails into a result.
pub(crate) fn called(function: &'static str, status: c_int) -> Result<(), Error> {
    match status {
        0 => Ok(()),
        _ => Err(Error::Call { function, status: status.into() }),
    }
}

fn c_text(what: &'static str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Nul { what })
}

fn c_path(path: &Path) -> Result<CString, Error> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::Nul { what: "the path" })
}

/// The bytes of a C string; nothing for a null pointer, which runtimes send in FINISH and for
/// models without tokenizer.
///
/// # Safety
/// `text` is null or points to a NUL-terminated string that lives as long as `'a`.
unsafe fn bytes<'a>(text: *const std::ffi::c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}
