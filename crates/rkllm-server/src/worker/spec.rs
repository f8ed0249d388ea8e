//! What the engine is told to load, and what it says about it.

use std::path::PathBuf;

/// A model and the runtime that shall run it.
#[derive(Clone, Debug)]
pub(crate) struct ModelSpec {
    pub(crate) model: PathBuf,
    pub(crate) runtime: RuntimeChoice,
    pub(crate) options: rkllm::Options,
    pub(crate) lora: Option<PathBuf>,
    pub(crate) prompt_cache: Option<PathBuf>,
}

/// Which runtime runs a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuntimeChoice {
    /// The one inside this program, for GGUF models.
    Embedded,
    /// A library that the user named.
    Library(PathBuf),
    /// The first library found, for `.rkllm` models.
    Search,
}

/// What is known of a loaded model.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The runtime and its version.
    pub(crate) runtime: String,
    /// The model's file name.
    pub(crate) model: String,
    /// Its context length in tokens.
    pub(crate) context: u32,
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// A `.rkllm` model without what it needs.
    #[error(
        "{model} is an RKLLM model, which needs Rockchip's runtime library and an NPU: {source}"
    )]
    NoRuntime { model: String, source: rkllm::Error },
    /// The runtime's own refusal.
    #[error(transparent)]
    Runtime(#[from] rkllm::Error),
    /// The model's chat template cannot be used.
    #[error("the chat template of {model} cannot be used: {source}")]
    Template { model: String, source: rkllm_chat::Error },
    /// The adapter of `--lora-model-path` cannot be used.
    #[error("cannot use the LoRA adapter {}: {source}; name another one or leave out --lora-model-path", .path.display())]
    Lora { path: PathBuf, source: rkllm::Error },
    /// The file of `--prompt-cache-path` cannot be used.
    #[error("cannot use the prompt cache {}: {source}; name another one or leave out --prompt-cache-path", .path.display())]
    PromptCache { path: PathBuf, source: rkllm::Error },
    /// This build has no embedded runtime.
    #[cfg(not(feature = "cpu"))]
    #[error(
        "{model} is a GGUF model and this program was built without the CPU runtime; build it with feature `cpu` or name a library with --runtime"
    )]
    NoCpu { model: String },
    /// The engine's thread ended while loading.
    #[error("the engine stopped while loading the model; the lines above say why")]
    Interrupted,
}
