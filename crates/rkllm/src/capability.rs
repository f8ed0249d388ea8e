//! What a runtime can do, asked for by name, never by version.

use std::fmt;

/// What a runtime can do beyond the common ground of all generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// A conversation can go on from run to run.
    History,
    /// The chat template can be replaced.
    ChatTemplate,
    /// The logits of a prompt's tokens can be had.
    Logits,
    /// CPUs, `n_keep` and `embed_flash` can be chosen at load.
    Placement,
    /// Prompts have a role and a switch for thinking.
    Roles,
    /// Several answers can be generated in lock-step.
    Batch,
    /// A run can be paused and gone on with.
    Pause,
    /// What the runtime measured of a run.
    Perf,
    /// The size of the KV cache can be asked for.
    KvCacheSize,
    /// Function tools go into the template.
    FunctionTools,
    /// An encoder's states can be given for cross attention.
    CrossAttention,
    /// Several pictures per prompt.
    ManyImages,
    /// Videos in a prompt.
    Video,
    /// The marks around pictures may differ from run to run.
    TagsPerRun,
    /// Sampling parameters and `max_new_tokens` may differ from run to run.
    PerRunSampling,
    /// The end token can be ignored.
    IgnoreEos,
    /// Tokenizer and embedding can be closures of the caller's.
    Callbacks,
    /// Tokenizer, model facts and metadata can be asked for.
    Tokenizer,
    /// Sampling can be made repeatable with a seed.
    Seed,
    /// Answers can be held to a [`Constraint`](crate::Constraint).
    Constraint,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::History,
        Self::ChatTemplate,
        Self::Logits,
        Self::Placement,
        Self::Roles,
        Self::Batch,
        Self::Pause,
        Self::Perf,
        Self::KvCacheSize,
        Self::FunctionTools,
        Self::CrossAttention,
        Self::ManyImages,
        Self::Video,
        Self::TagsPerRun,
        Self::PerRunSampling,
        Self::IgnoreEos,
        Self::Callbacks,
        Self::Tokenizer,
        Self::Seed,
        Self::Constraint,
    ];
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::History => "conversations (from 1.2.0 on)",
            Self::ChatTemplate => "replaceable chat template (from 1.2.0 on)",
            Self::Logits => "logits (from 1.2.0 on)",
            Self::Placement => "choice of CPUs, n_keep and embed_flash (from 1.2.0 on)",
            Self::Roles => "roles and thinking switch (from 1.2.1 on)",
            Self::Batch => "batches (from 1.2.1 on)",
            Self::Pause => "pause (from 1.2.1 on)",
            Self::Perf => "measurements (from 1.2.1 on)",
            Self::KvCacheSize => "size of the KV cache (from 1.2.1 on)",
            Self::FunctionTools => "function tools (from 1.2.1 on)",
            Self::CrossAttention => "cross attention (from 1.2.1 on)",
            Self::ManyImages => "more than one image per prompt (from 1.2.1 on)",
            Self::Video => "video (from 1.3.0 on)",
            Self::TagsPerRun => "image tags per run (from 1.3.0 on; before, Options::image_tags)",
            Self::PerRunSampling => "sampling per run (from 1.3.0 on)",
            Self::IgnoreEos => "switch to ignore the end token (from 1.3.0 on)",
            Self::Callbacks => "tokenizer and embedding callbacks (from 1.3.0 on)",
            Self::Tokenizer => "tokenizer interface (only the embedded runtime has)",
            Self::Seed => "seed (only the embedded runtime has)",
            Self::Constraint => "constrained answers (only the embedded runtime has)",
        })
    }
}
