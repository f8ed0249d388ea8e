//! What a runtime can do, asked for by name, never by version.

use std::fmt;

/// What a runtime can do beyond the common ground of all generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Sampling parameters and `max_new_tokens` may differ from run to run (generation 1.3).
    PerRunSampling,
    /// Tokenizer, model facts and metadata can be asked for (embedded runtime).
    Tokenizer,
    /// Sampling can be made repeatable with a seed (embedded runtime).
    Seed,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerRunSampling => "sampling per run (RKLLM 1.3 and the embedded runtime have)",
            Self::Tokenizer => "tokenizer interface (only the embedded runtime has)",
            Self::Seed => "seed (only the embedded runtime has)",
        })
    }
}
