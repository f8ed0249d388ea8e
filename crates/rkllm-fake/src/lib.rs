#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod library;
mod script;

pub use library::{EMBEDDING_WIDTH, FIRST_TOKEN_ID, VOCABULARY_SIZE, library};
pub use script::Script;
