#![doc = include_str!("../README.md")]

mod banner;
mod bindings;
mod generation;
mod inspect;
mod symbol;
mod version;

pub use bindings::{ext, v1_3};
pub use generation::{Generation, ParseGenerationError, Unsupported};
pub use inspect::{InspectError, Inspection, inspect};
pub use symbol::MissingSymbol;
pub use version::{ParseVersionError, Version};
