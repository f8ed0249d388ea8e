//! Why a call returned -1.

use std::path::PathBuf;

/// Why a call failed. The text goes to standard error as an `E rkllm: ` line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    #[error("{0} pointer is NULL")]
    Null(&'static str),

    #[error("the handle is NULL, destroyed or not from rkllm_init")]
    UnknownHandle,

    #[error("{function}: a run is active on this handle; wait for its end or call rkllm_abort")]
    Busy { function: &'static str },

    #[error("rkllm_abort: no run is active on this handle")]
    NothingToAbort,

    #[error("rkllm_destroy cannot be called from the callback of the run it would wait for")]
    DestroyInsideRun,

    #[error("{what} is not valid UTF-8; pass UTF-8 text")]
    NotUtf8 { what: &'static str },

    #[error("{what} is too long: pass at most 2 GiB")]
    TooLong { what: &'static str },

    #[error("{path}: {reason}", path = path.display())]
    ModelFile { path: PathBuf, reason: String },

    #[error(
        "{path}: this is a model for the NPU; it needs the vendor's librkllmrt.so on a Rockchip \
         board, the embedded CPU runtime runs GGUF models",
        path = path.display()
    )]
    NpuModel { path: PathBuf },

    #[error(
        "max_context[{wanted}] must be less than the model's max_context_limit[{limit}]; set \
         max_context_len to {limit} or less"
    )]
    ContextLimit { wanted: i32, limit: i32 },

    #[error("failed to initialize context of {positions} tokens: {reason}")]
    Context { positions: i32, reason: String },

    #[error("The n_keep must be less than the max_context_len")]
    KeepLimit,

    #[error("The n_batch must be between 1 and 100, but got {0}")]
    Batch(u8),

    #[error(
        "enabled_cpus_num must not be negative, but got {0}; 0 leaves the choice to the runtime"
    )]
    CpuCount(i8),

    #[error(
        "Mismatch between enabled CPUs mask and expected count. Please check the configuration."
    )]
    CpuMask,

    #[error("{name} must be {rule}, but got {value}")]
    Sampling { name: &'static str, rule: &'static str, value: f32 },

    #[error("{name} has the unknown value {value}")]
    UnknownValue { name: &'static str, value: i64 },

    #[error("unknown role \"{0}\"; use \"user\"")]
    Role(String),

    #[error("{function} is not available in the embedded CPU runtime {version}: {what}")]
    Missing { function: &'static str, version: &'static str, what: &'static str },

    #[error("the input holds no tokens")]
    EmptyInput,

    #[error("token {id} at position {position} is not in the model's vocabulary of {size} tokens")]
    Token { id: i32, position: usize, size: i32 },

    #[error(
        "Chat template auto-parsing failed: please configure it via rkllm_set_chat_template. ({0})"
    )]
    Template(String),

    #[error(
        "the length of prompt is greater than max context (prompt: {prompt} tokens, max context: \
         {context})"
    )]
    PromptTooLong { prompt: usize, context: usize },

    #[error(
        "the context is not enough! history_s: {history}, cur_input_s: {input}, discard_s: 0, \
         max_context: {context}!"
    )]
    HistoryTooLong { history: usize, input: usize, context: usize },

    #[error("the model could not be evaluated: llama.cpp returned {0}")]
    Decode(i32),

    #[error("the model gave no scores for the next token: it is not a text generator")]
    NoLogits,

    #[error("rkllm_ext_set_grammar: the grammar is not valid: {reason}")]
    Grammar { reason: String },

    #[error(
        "the grammar allows no token of this model here; make it cover what the model can write"
    )]
    GrammarStuck,

    #[error("the sampler could not be made: llama.cpp is out of memory")]
    Sampler,

    #[error(
        "start_pos and end_pos are only valid when keep_history == 0 and the generation has been \
         paused by returning 1 in the callback!"
    )]
    NotPaused,

    #[error("the range {start}..{end} does not lie in the {size} positions of the KV cache")]
    Range { start: i32, end: i32, size: usize },

    #[error("failed to clear kv cache: this model cannot forget a part of it")]
    NotRemovable,

    #[error("rkllm_run_async: no thread could be started: {0}")]
    Thread(#[source] std::io::Error),
}

impl Error {
    /// A function or mode that is not written yet.
    pub(crate) const fn missing(function: &'static str, what: &'static str) -> Self {
        Self::Missing { function, version: env!("CARGO_PKG_VERSION"), what }
    }
}
