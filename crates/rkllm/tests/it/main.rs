//! The safe API on scripted runtimes of every generation, and on the embedded one with a real model.

// Helpers outside `#[test]` functions may unwrap as well: a panic is how a test fails.
#![allow(clippy::unwrap_used)]

mod conformance;
#[cfg(feature = "cpu")]
mod embedded;
mod generations;
