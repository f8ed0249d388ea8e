//! Language models on Rockchip's NPUs from safe Rust, with whichever `librkllmrt.so` the board has.
//!
//! The vendor's runtime is a closed library whose structs changed in every minor release. This crate
//! reads the version from the library file, picks the matching layout and hides the difference. With
//! feature `cpu` it also has a runtime inside that runs GGUF models on any CPU behind the same
//! interface, so that a program can be written and tested on a PC.
//!
//! ```no_run
//! use rkllm::{Options, Runtime};
//!
//! # fn main() -> Result<(), rkllm::Error> {
//! let runtime = Runtime::find()?; // the board's librkllmrt.so
//! let mut session = runtime.load("Qwen3-0.6B.rkllm", &Options::default())?;
//! for token in session.generate("What is the capital of France?")? {
//!     print!("{}", token?.text); // leaving the loop ends the run
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Runtime`] is a loaded library, [`Session`] a loaded model, [`Generation`] an answer under way.
//! - [`Session::run`] hands tokens to a closure on the calling thread, with the least overhead.
//! - [`Aborter`] ends a run from another thread.
//! - [`Capability`] says what a runtime can do; nothing asks for versions.
//!
//! The [`tour`] shows each of them by example.
//!
//! The runtime is closed code that can crash the process. A program that must not die runs it in a
//! child process, as `rkllm-server` is made to do.

mod abi;
mod callbacks;
mod capability;
mod constraint;
mod cross_attention;
mod error;
mod find;
mod generation;
mod input;
mod live;
mod model;
mod options;
mod perf;
mod run;
mod runtime;
mod session;
mod shared;
mod tensor;
pub mod tour;

pub use callbacks::{Callbacks, Embed, Tokenize};
pub use capability::Capability;
pub use constraint::Constraint;
pub use cross_attention::CrossAttention;
pub use error::Error;
pub use generation::{BatchGeneration, BatchToken, Generation, Token};
pub use input::{Content, Embedding, Images, Input, MediaTags, Multimodal, Role, Videos};
pub use live::Aborter;
pub use model::{Model, ModelInfo, TokenizeOptions};
pub use options::{
    DEFAULT_CONTEXT, Lora, Mirostat, MirostatVersion, Options, RunOptions, Sampling,
};
pub use perf::PerfStats;
pub use rkllm_sys::{InspectError, Unsupported, Version};
pub use run::{End, Flow, Outcome, TokenRef};
pub use runtime::Runtime;
pub use session::Session;
pub use tensor::Tensor;

/// Generations of the runtime's binary interface. Only for messages: ask for a [`Capability`].
pub use rkllm_sys::Generation as AbiGeneration;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
