//! Between the wire and generations. A dialect turns a body into a request and events into bytes;
//! what all dialects share stands here.

mod body;
mod collect;
mod id;
mod ignored;
mod json;
pub(crate) mod native;
pub(crate) mod openai;
pub(crate) mod ollama;
mod stream;

use collect::{Collected, CollectedCall, collect};
