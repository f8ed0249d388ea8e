//! Types of the native and the admin HTTP API of rkllm-server, shared by server and client.
//!
//! [`GenerateRequest`] and [`ChatRequest`] are what a client sends, [`GenerateResponse`] and [`ChatResponse`] what comes back in
//! one piece, [`StreamEvent`] what comes back piece by piece, [`ErrorBody`] what every failure looks like. [`Model`] and
//! [`ServerStatus`] are what the server says of its models and of itself.
//!
//! With the cargo feature `openapi` the types of bodies also describe themselves as schemas of OpenAPI, with the crate utoipa.
//!
//! The types state the shape of the JSON only. Whether a value makes sense for the model at hand is the server's to decide.

#![forbid(unsafe_code)]

mod admin;
mod error_body;
mod finish;
mod finite;
mod format;
mod health;
mod keep_alive;
mod limits;
mod message;
mod model;
mod null;
mod request;
mod response;
mod stop;
mod stream;
mod tool;
mod tool_call;
mod tool_choice;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
#[cfg(test)]
mod published;

pub use admin::{LoadRequest, Loaded, Rescanned, ServerStatus, Totals};
pub use error_body::{ErrorBody, ErrorStatus};
pub use finish::{FinishReason, Timings, Usage};
pub use format::Format;
pub use health::Health;
pub use keep_alive::KeepAlive;
pub use limits::{Limits, Template, Tokenizer};
pub use message::{Message, Role};
pub use model::{Abilities, Model, ModelList, ModelState, Queue};
pub use request::{ChatRequest, GenerateRequest, Tuning};
pub use response::{ChatResponse, Choice, GenerateResponse, SuccessStatus};
pub use stop::Stop;
pub use stream::{DONE, Delta, Finish, StreamEvent};
pub use tool::{Tool, ToolFunction, ToolKind};
pub use tool_call::{CalledFunction, ToolCall};
pub use tool_choice::ToolChoice;
