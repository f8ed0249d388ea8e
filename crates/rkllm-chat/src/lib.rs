#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod functions;
mod isolate;
mod limit;
mod message;
mod methods;
mod options;
mod placeholder;
mod prompt;
mod stop;
mod system;
mod template;
mod tojson;
mod turns;
mod utf8;

pub use error::Error;
pub use jiff::civil::DateTime;
pub use message::{Message, Role, ToolCall};
pub use options::{RenderOptions, SpecialTokens};
pub use prompt::{Prompt, Segment};
pub use stop::{Pushed, StopStrings};
pub use template::ChatTemplate;
pub use utf8::Utf8Assembler;
