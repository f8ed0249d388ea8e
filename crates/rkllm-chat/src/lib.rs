#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adapt;
mod calls;
mod engine;
mod error;
mod filters;
mod fit;
mod folder;
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
mod pooling;
mod probe;
mod prompt;
mod resume;
#[cfg(feature = "schema")]
mod schema;
mod source;
mod stop;
mod system;
mod template;
mod tests;
mod thought;
mod tojson;
#[cfg(feature = "tokenizer")]
mod tokenizer;
mod tool_text;
mod turns;
mod utf8;
mod view;

pub use error::Error;
pub use fit::{Fit, fit};
pub use folder::{EmbeddingFacts, ModelFolder, SamplingDefaults};
pub use jiff::civil::DateTime;
pub use message::{Message, Role, ToolCall};
pub use options::{RenderOptions, SpecialTokens};
pub use output::{KnownFunction, Output, OutputOptions, Piece, ReasoningTags, Summary, ToolFormat};
pub use pooling::{Pooling, normalize, truncate};
pub use prompt::{Adaptation, Prompt, Segment};
#[cfg(feature = "schema")]
pub use schema::JsonSchema;
pub use source::TemplateSource;
pub use stop::{Pushed, StopStrings};
pub use template::ChatTemplate;
#[cfg(feature = "tokenizer")]
pub use tokenizer::{Decoder, Tokenizer};
pub use utf8::Utf8Assembler;
