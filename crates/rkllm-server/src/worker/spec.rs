//! What a child is told to load, and what it says about it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::generate::{Overflow, Tuning};
use crate::registry::Abilities;

/// A model and how it is to be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelSpec {
    /// Its name in messages and logs.
    pub(crate) name: String,
    #[serde(with = "path")]
    pub(crate) model: PathBuf,
    pub(crate) runtime: RuntimeChoice,
    /// Tokens of prompt and answer together; `None` is the model's own limit, at most 4096.
    pub(crate) context: Option<u32>,
    /// What requests that say nothing get.
    pub(crate) defaults: Tuning,
    /// What the runtime is told about CPUs: a mask, or as many bits as threads for the embedded one.
    pub(crate) cpu_mask: Option<u32>,
    /// The CPUs that the child may use; `None` is all.
    pub(crate) affinity: Option<u32>,
    pub(crate) lora: Option<Adapter>,
    #[serde(with = "path::optional")]
    pub(crate) prompt_cache: Option<PathBuf>,
    pub(crate) prompting: Prompting,
    /// Where the state of conversations is kept while others run; `None` is nowhere.
    pub(crate) prefix_cache: Option<PrefixCacheSpec>,
}

/// A LoRA adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adapter {
    #[serde(with = "path")]
    pub(crate) path: PathBuf,
    pub(crate) scale: f32,
}

/// What goes into the model and what comes out, where its files don't say it or say it wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prompting {
    /// The folder with the model's tokenizer files.
    #[serde(with = "path::optional")]
    pub(crate) folder: Option<PathBuf>,
    /// Source of the chat template.
    pub(crate) template: Option<String>,
    /// How the model writes function calls, by the name that rkllm-chat gives it.
    pub(crate) tool_format: Option<String>,
    /// What stands around the model's thoughts.
    pub(crate) reasoning: Option<(String, String)>,
    /// Whether a model that can think shall, when a request does not say.
    pub(crate) enable_thinking: Option<bool>,
    /// The system prompt of conversations that have none.
    pub(crate) system: Option<String>,
    pub(crate) overflow: Option<Overflow>,
    /// More tokens that end an answer.
    pub(crate) end_tokens: Vec<i32>,
    /// How embeddings are pooled: `mean`, `cls` or `last`.
    pub(crate) pooling: Option<String>,
}

/// A folder for the state of conversations, and the bytes that it may fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrefixCacheSpec {
    #[serde(with = "path")]
    pub(crate) folder: PathBuf,
    pub(crate) budget: u64,
}

/// Which runtime runs a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RuntimeChoice {
    /// The one inside this program, for GGUF models.
    Embedded,
    /// A library that the user named.
    Library(#[serde(with = "path")] PathBuf),
    /// The first library found that has this version.
    Version(String),
    /// The first library found, for `.rkllm` models.
    Search,
}

/// What is known of a loaded model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The runtime and its version.
    pub(crate) runtime: String,
    /// The model's file name.
    pub(crate) model: String,
    /// Its context length in tokens.
    pub(crate) context: u32,
    pub(crate) abilities: Abilities,
    /// What it can be held to, and what it refuses.
    pub(crate) limits: rkllm_api::Limits,
    /// The chat template's source, where it could be read.
    pub(crate) template: Option<String>,
    /// What the model's own files say that answers are sampled with.
    pub(crate) defaults: Tuning,
}

/// Paths as the bytes that they are: they need not be text.
mod path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }

    /// The same for paths that may be missing.
    pub(super) mod optional {
        use super::*;

        pub(in super::super) fn serialize<S: Serializer>(
            path: &Option<PathBuf>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            path.as_ref().map(|path| path.as_os_str()).serialize(to)
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<PathBuf>, D::Error> {
            Ok(Option::<OsString>::deserialize(from)?.map(PathBuf::from))
        }
    }
}
