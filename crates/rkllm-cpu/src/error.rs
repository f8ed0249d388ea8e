//! Why a call returned -1.

use std::path::PathBuf;

use crate::constraint::Notation;

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
    Context { positions: u32, reason: String },

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

    #[error("unknown role \"{0}\"; use \"user\" or \"tool\"")]
    Role(String),

    #[error(
        "cross attention is not available: GGUF files hold no decoder that takes an encoder's keys \
         and values from outside; set use_cross_attn to 0"
    )]
    CrossAttention,

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
        "the context is not enough! history_s: {history}, cur_input_s: {input}, discard_s: {discard}, \
         max_context: {context}!"
    )]
    HistoryTooLong { history: usize, input: usize, discard: usize, context: usize },

    #[error("the model could not be evaluated: llama.cpp returned {0}")]
    Decode(i32),

    #[error("the model gave no scores for the next token: it is not a text generator")]
    NoLogits,

    #[error("the {notation} cannot be used: {reason}")]
    Constraint { notation: Notation, reason: String },

    #[error(
        "the answer cannot go on as its constraint asks: {reason}; make it simpler, or cover what \
         the model can write"
    )]
    ConstraintStuck { reason: String },

    #[error("hidden states and logits are no answers: take the constraint back before such a run")]
    ConstraintOfNumbers,

    #[error("{name} returned {code}: it must return what it was asked for")]
    Callback { name: &'static str, code: i32 },

    #[error("Lora adapter '{0}' is already initialized!")]
    LoraName(String),

    #[error("Lora adapter path does not exist! ({path})", path = .0.display())]
    LoraPath(PathBuf),

    #[error("failed to apply lora adapter {path}: {reason}", path = path.display())]
    LoraFile { path: PathBuf, reason: String },

    #[error("Not Found Lora adapter named: {0}")]
    LoraUnknown(String),

    #[error(
        "multimodal input must contain the <image> tag, for plain text input, please use \
         prompt_input"
    )]
    NoImageTag,

    #[error("the prompt has {found} {tag} tags for {given} of them; give as many as tags")]
    TagCount { tag: &'static str, found: usize, given: usize },

    #[error("The {0} of multimodal_input is not set")]
    MediaNotSet(&'static str),

    #[error("The {0} of multimodal_input is empty")]
    MediaEmpty(&'static str),

    #[error("{what} must hold finite numbers only, but number {position} is none")]
    NotFinite { what: &'static str, position: usize },

    #[error("this model numbers positions in several dimensions; pass it tokens or text")]
    ManyPositions,

    #[error("Failed to set function tools, possibly because the chat_template is empty. ({0})")]
    Tools(String),

    #[error("the role \"tool\" needs the model's own chat template and rkllm_set_function_tools")]
    ToolRole,

    #[error("prompt cache file '{path}' does not exist", path = .0.display())]
    PromptCacheMissing(PathBuf),

    #[error("prompt cache file '{path}' is empty", path = .0.display())]
    PromptCacheEmpty(PathBuf),

    #[error("failed to load prompt cache from {path}: {reason}", path = path.display())]
    PromptCacheRead { path: PathBuf, reason: String },

    #[error("the prompt dose not match the current model[{path}]", path = .0.display())]
    PromptCacheForeign(PathBuf),

    #[error("failed to save prompt cache to {path}: {reason}", path = path.display())]
    PromptCacheWrite { path: PathBuf, reason: String },

    #[error("prompt cache files need a handle with n_batch 1")]
    PromptCacheBatch,

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
