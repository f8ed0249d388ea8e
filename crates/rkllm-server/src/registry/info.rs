//! What is known of a model, loaded or not.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::generate::Tuning;

/// A model that requests can name.
#[derive(Clone, Debug)]
pub(crate) struct ModelInfo {
    /// The name that answers carry.
    pub(crate) name: String,
    /// Other names for it.
    pub(crate) aliases: Vec<String>,
    /// `gguf` or `rkllm`.
    pub(crate) format: &'static str,
    pub(crate) size_bytes: u64,
    pub(crate) modified: SystemTime,
    /// 64 hexadecimal digits that change with the file.
    pub(crate) digest: String,
    /// The architecture as GGUF names it, for example `llama`; empty where nobody knows.
    pub(crate) architecture: String,
    /// For example `135M`; empty where nobody knows.
    pub(crate) parameter_size: String,
    /// For example `Q4_1` or `w8a8`; empty where nobody knows.
    pub(crate) quantization: String,
    /// Tokens that prompt and answer may have together, as it is or would be loaded.
    pub(crate) context: u32,
    /// Numbers in a vector of the model, where its file says so.
    pub(crate) embedding_length: Option<u64>,
    pub(crate) abilities: Abilities,
    /// What it can be held to and what it refuses, once it is in memory.
    pub(crate) limits: Option<rkllm_api::Limits>,
    /// The chat template's source, where it can be read.
    pub(crate) template: Option<String>,
    /// The system prompt of its settings.
    pub(crate) system: Option<String>,
    /// What requests that say nothing are sampled with.
    pub(crate) defaults: Tuning,
    pub(crate) state: ModelState,
}

impl ModelInfo {
    /// Whether its file can be read. One that cannot has no digest.
    pub(crate) fn readable(&self) -> bool {
        !self.digest.is_empty()
    }
}

/// What a model can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Abilities {
    /// Conversations and texts.
    pub(crate) completion: bool,
    /// Function calls.
    pub(crate) tools: bool,
    /// Thinking before the answer.
    pub(crate) thinking: bool,
    /// Text between a prefix and a suffix.
    pub(crate) insert: bool,
    /// Embeddings.
    pub(crate) embedding: bool,
}

/// Where a model is between disk and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelState {
    /// On disk only.
    Unloaded,
    /// On its way into memory.
    Loading {
        /// Since when.
        since: SystemTime,
        /// When it is given up; `None` while it waits for room or for another try.
        deadline: Option<SystemTime>,
    },
    /// In memory.
    Ready {
        /// When it is unloaded unless somebody uses it; `None` is never.
        expires: Option<SystemTime>,
        /// Bytes of memory that its process uses.
        memory: u64,
        /// The runtime and its version.
        runtime: String,
    },
    /// It cannot be used, for this reason.
    Failed {
        /// One sentence.
        reason: String,
    },
}

/// How long a model stays in memory after its last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// So long; zero is until the end of the request.
    For(Duration),
    Forever,
}
