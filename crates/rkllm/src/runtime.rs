//! A runtime library, loaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rkllm_sys::{Generation, Version};

use crate::abi::Abi;
use crate::{Callbacks, Capability, Error, Options, Session, find};

/// A runtime that loads and runs models: `librkllmrt.so` or the one embedded in this program.
#[derive(Clone, Debug)]
pub struct Runtime {
    pub(crate) abi: Arc<Abi>,
    version: Version,
    path: Option<PathBuf>,
}

impl Runtime {
    /// Opens the first runtime library found: the one that the environment variable `RKLLM_LIB`
    /// names, beside the executable or in its `lib/`, in `./lib`, or where the system keeps its
    /// libraries.
    ///
    /// # Errors
    /// [`Error::NotFound`] with every place that was tried, else as [`Runtime::open`].
    pub fn find() -> Result<Self, Error> {
        Self::open(find::library()?)
    }

    /// Opens the first runtime library found that has this version, such as `1.2.3`. The places are
    /// those of [`Runtime::find`], and in each of them `librkllmrt.so`, `librkllmrt-1.2.3.so`,
    /// `librkllmrt.so.1.2.3` and `1.2.3/librkllmrt.so`.
    ///
    /// # Errors
    /// [`Error::NotFound`] with every place that was tried, else as [`Runtime::open`].
    pub fn find_version(version: &str) -> Result<Self, Error> {
        Self::open(find::library_of(version)?)
    }

    /// Opens a runtime library. Its version is read from the file before any of its code runs; the
    /// environment variable `RKLLM_ABI` (`1.1`, `1.2.0`, `1.2.1`, `1.3`) overrides which generation
    /// that version is taken for.
    ///
    /// The library's own code runs from here on: it may print, and a crash of it ends the process.
    ///
    /// # Errors
    /// [`Error::Inspect`] when the file is not a runtime library for this machine,
    /// [`Error::Version`] when its version cannot be used, [`Error::Abi`] for an override that is no
    /// generation, [`Error::Load`] and [`Error::MissingSymbol`] when it is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let inspection = rkllm_sys::inspect(path)?;
        match std::env::var("RKLLM_ABI") {
            Ok(said) if !said.is_empty() => {
                let generation = said.parse::<Generation>().map_err(Error::Abi)?;
                Self::open_inspected(path, inspection.version, generation)
            }
            _ => {
                let generation = Generation::of(&inspection.version)
                    .map_err(|source| Error::Version { path: path.to_owned(), source })?;
                Self::open_inspected(path, inspection.version, generation)
            }
        }
    }

    /// Opens a runtime library as one of `generation`, whatever its version says.
    ///
    /// # Safety
    /// The library has the binary interface of that generation. With another one's structs it reads
    /// and writes where it should not.
    ///
    /// # Errors
    /// As [`Runtime::open`].
    pub unsafe fn open_as(path: impl AsRef<Path>, generation: Generation) -> Result<Self, Error> {
        let path = path.as_ref();
        let inspection = rkllm_sys::inspect(path)?;
        Self::open_inspected(path, inspection.version, generation)
    }

    fn open_inspected(
        path: &Path,
        version: Version,
        generation: Generation,
    ) -> Result<Self, Error> {
        if Generation::of(&version).ok() != Some(generation) {
            tracing::warn!(
                "{}: version {version} is used as RKLLM {generation} on request; with the wrong \
                 generation it crashes",
                path.display()
            );
        }
        let name = format!("RKLLM runtime {version} ({})", path.display());
        let abi = Abi::open(path, generation, name)?;
        Ok(Self { abi: Arc::new(abi), version, path: Some(path.to_owned()) })
    }

    /// The runtime embedded in this program, which runs GGUF models on the CPU.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), rkllm::Error> {
    /// let runtime = rkllm::Runtime::cpu();
    /// let session = runtime.load("model.gguf", &rkllm::Options::default())?;
    /// # drop(session);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "cpu")]
    #[must_use]
    pub fn cpu() -> Self {
        let version = rkllm_cpu::ABI_VERSION.parse().expect("rkllm-cpu states a valid version");
        let name = format!("embedded CPU runtime {}", rkllm_cpu::VERSION);
        Self { abi: Arc::new(Abi::embedded(name)), version, path: None }
    }

    /// Loads a model.
    ///
    /// # Errors
    /// [`Error::Option`] for a value out of range, [`Error::Init`] when the runtime refuses the
    /// model; what it printed to stderr says why.
    pub fn load(&self, model: impl AsRef<Path>, options: &Options) -> Result<Session, Error> {
        self.load_with(model, options, Callbacks::default())
    }

    /// Loads a model that was converted without tokenizer or embedding, with closures in their place.
    ///
    /// # Errors
    /// As [`Runtime::load`]; [`Error::Unsupported`] without [`Capability::Callbacks`].
    pub fn load_with(
        &self,
        model: impl AsRef<Path>,
        options: &Options,
        callbacks: Callbacks,
    ) -> Result<Session, Error> {
        Session::load(self, model.as_ref(), options, callbacks)
    }

    /// The runtime's version; of the embedded one, the version whose interface it has.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The library file; `None` for the embedded runtime.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The runtime in words, for logs and messages.
    #[must_use]
    pub fn name(&self) -> &str {
        self.abi.name()
    }

    /// Everything that the runtime can do.
    pub fn capabilities(&self) -> impl Iterator<Item = Capability> + '_ {
        Capability::ALL.into_iter().filter(|&capability| self.supports(capability))
    }

    /// Whether the runtime can do this.
    #[must_use]
    pub fn supports(&self, capability: Capability) -> bool {
        self.abi.supports(capability)
    }
}
