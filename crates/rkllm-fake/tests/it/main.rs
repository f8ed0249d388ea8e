//! The scripted runtime through the function table of each generation.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests themselves")]

mod driver;
mod every_generation;
mod faults;
mod misuse;
mod newest;
mod recorder;
