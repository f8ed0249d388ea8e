//! Between the wire and generations. A dialect turns a body into a request and events into bytes;
//! what all dialects share stands here.

pub(crate) mod admin;
pub(crate) mod anthropic;
mod body;
mod calls;
mod collect;
mod face;
mod failure;
mod id;
mod ignored;
mod json;
mod media;
pub(crate) mod native;
pub(crate) mod ollama;
pub(crate) mod openai;
pub(crate) mod openapi;
mod refusal;
mod stream;
mod tools;
pub(crate) mod ws;

pub(crate) use face::Face;
pub(crate) use id::id;
pub(crate) use ignored::IGNORED;

use collect::{Collected, CollectedCall, collect};
