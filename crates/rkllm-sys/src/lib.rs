#![doc = include_str!("../README.md")]

mod bindings;
mod symbol;

pub use bindings::{ext, v1_3};
pub use symbol::MissingSymbol;
