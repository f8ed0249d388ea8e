//! Where the compiled libraries are, and what is fixed in them.

use std::path::PathBuf;

use rkllm_sys::Generation;

/// Numbers in a row of embeddings that the library takes, and of hidden states that it gives.
pub const EMBEDDING_WIDTH: usize = 64;

/// Numbers in a row of logits.
pub const VOCABULARY_SIZE: usize = 512;

/// Id of the first token of a reply; the following ones count up.
pub const FIRST_TOKEN_ID: i32 = 1000;

/// Path of the scripted `librkllmrt.so` of a generation, compiled when this crate was.
///
/// ```
/// use rkllm_sys::{Generation, inspect};
///
/// let found = inspect(&rkllm_fake::library(Generation::V1_3))?;
/// assert_eq!(found.version.to_string(), "1.3.0");
/// # Ok::<(), rkllm_sys::InspectError>(())
/// ```
#[must_use]
pub fn library(generation: Generation) -> PathBuf {
    let out = PathBuf::from(env!("OUT_DIR"));
    out.join(generation.to_string()).join("librkllmrt.so")
}
