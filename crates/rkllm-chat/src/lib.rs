#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adapt;
mod calls;
mod engine;
mod error;
mod filters;
mod functions;
mod generation;
mod isolate;
mod limit;
mod message;
mod methods;
mod neighbours;
mod options;
mod output;
mod placeholder;
mod probe;
mod prompt;
mod resume;
mod source;
mod stop;
mod system;
mod template;
mod tests;
mod thought;
mod tojson;
mod tool_text;
mod turns;
mod utf8;
mod view;

pub use error::Error;
pub use jiff::civil::DateTime;
pub use message::{Message, Role, ToolCall};
pub use options::{RenderOptions, SpecialTokens};
pub use output::{KnownFunction, Output, OutputOptions, Piece, ReasoningTags, Summary, ToolFormat};
pub use prompt::{Adaptation, Prompt, Segment};
pub use source::TemplateSource;
pub use stop::{Pushed, StopStrings};
pub use template::ChatTemplate;
pub use utf8::Utf8Assembler;
