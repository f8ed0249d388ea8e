//! What can go wrong between a caller and the runtime.

use std::path::PathBuf;

use crate::Capability;

/// What can go wrong between a caller and the runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No runtime library was found.
    #[error("no RKLLM runtime found; looked for {}; install librkllmrt.so or name it in RKLLM_LIB", list(.searched))]
    NotFound {
        /// Every place that was tried, in order.
        searched: Vec<PathBuf>,
    },
    /// The file is not a runtime library that this program can use.
    #[error(transparent)]
    Inspect(#[from] rkllm_sys::InspectError),
    /// The library's version is one that cannot be used.
    #[error("{}: {source}", .path.display())]
    Version {
        /// The library.
        path: PathBuf,
        /// Why not, and what to do.
        source: rkllm_sys::Unsupported,
    },
    /// The environment variable `RKLLM_ABI` names no generation.
    #[error("RKLLM_ABI: {0}")]
    Abi(#[source] rkllm_sys::ParseGenerationError),
    /// The system loader refused the library.
    #[error("{}: the system cannot load this library: {source}", .path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// The loader's own words.
        source: libloading::Error,
    },
    /// The library lacks a function that its version must have.
    #[error("{}: no symbol `{symbol}`, which RKLLM {generation} must export; the file is damaged or not what its banner says", .path.display())]
    MissingSymbol {
        /// The library.
        path: PathBuf,
        /// The missing function.
        symbol: &'static str,
        /// The generation that the banner names.
        generation: rkllm_sys::Generation,
    },
    /// The runtime refused to load the model.
    #[error("cannot load {}: {}", .path.display(), why(.reason, "rkllm_init", (*status).into()))]
    Init {
        /// What `rkllm_init` returned.
        status: i32,
        /// The runtime's own words, where it can be asked.
        reason: Option<String>,
        /// The model file.
        path: PathBuf,
    },
    /// The runtime ended a run with an error.
    #[error("the runtime failed: {}", why(.reason, "rkllm_run", (*status).into()))]
    Run {
        /// What `rkllm_run` returned.
        status: i32,
        /// The runtime's own words, where it can be asked.
        reason: Option<String>,
    },
    /// A run ended without a single token and without saying so; over-long prompts do this.
    #[error(
        "the runtime ended the run without an answer; the prompt may be longer than the context"
    )]
    NoAnswer,
    /// A run is already under way on this session.
    #[error("a run is under way on this session; wait for its end or open a second session")]
    Busy,
    /// This runtime lacks what was asked for.
    #[error("{runtime} has no {capability}")]
    Unsupported {
        /// What was asked for.
        capability: Capability,
        /// The runtime and its version.
        runtime: String,
    },
    /// A text for the runtime contains U+0000, which would cut it short.
    #[error("{what} contains U+0000, which the runtime takes for the end of the text; remove it")]
    Nul {
        /// Which text.
        what: &'static str,
    },
    /// An option is outside its range.
    #[error("{name} is {value}, allowed is {allowed}")]
    Option {
        /// The option.
        name: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// A call other than `rkllm_init` and `rkllm_run` failed.
    #[error("{}", why(.reason, function, *status))]
    Call {
        /// The C function.
        function: &'static str,
        /// What it returned.
        status: i64,
        /// The runtime's own words, where it can be asked.
        reason: Option<String>,
    },
    /// A [`Constraint`](crate::Constraint) that the runtime cannot read, or that costs too much.
    #[error("{reason}")]
    Constraint {
        /// The runtime's own words.
        reason: String,
    },
    /// Vectors as input, and nobody knows how wide the model's are: a wrong width crashes runtimes.
    #[error(
        "this runtime does not tell how wide the model's embedding vectors are; ask for hidden states once, which tells, or state it with assume_embedding_width"
    )]
    UnknownWidth,
    /// The number of inputs is not the batch that the model was loaded for.
    #[error("{given} inputs for a session loaded with a batch of {batch}; give as many as that")]
    Batch {
        /// Inputs given.
        given: usize,
        /// [`Options::batch`](crate::Options::batch).
        batch: u8,
    },
    /// The system could not start the thread that drives a run.
    #[error("cannot start a thread for the run: {0}")]
    Thread(#[source] std::io::Error),
}

impl Error {
    #[cold]
    pub(crate) fn option(
        name: &'static str,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Option { name, value: value.to_string(), allowed: allowed.into() }
    }
}

/// Why a call failed, in the runtime's words if there are any. Vendor runtimes print them only.
fn why(reason: &Option<String>, function: &str, status: i64) -> String {
    match reason {
        Some(reason) => reason.clone(),
        None => format!("{function} returned {status}; the lines that the runtime printed say why"),
    }
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}
