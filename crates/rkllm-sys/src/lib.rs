#![doc = include_str!("../README.md")]

mod banner;
mod bindings;
mod generation;
mod inspect;
#[cfg(test)]
mod layout;
mod symbol;
mod version;

pub use bindings::{ext, v1_1, v1_2_0, v1_2_1, v1_3};
pub use generation::{Generation, ParseGenerationError, Unsupported};
pub use inspect::{InspectError, Inspection, inspect};
pub use symbol::MissingSymbol;
pub use version::{ParseVersionError, Version};
