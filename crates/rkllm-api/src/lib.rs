//! Types of the native HTTP API of rkllm-server, shared by server and client.
//!
//! [`GenerateRequest`] and [`ChatRequest`] are what a client sends, [`GenerateResponse`] and [`ChatResponse`] what comes back in
//! one piece, [`StreamEvent`] what comes back piece by piece, [`ErrorBody`] what every failure looks like.
//!
//! The types state the shape of the JSON only. Whether a value makes sense for the model at hand is the server's to decide.

#![forbid(unsafe_code)]

mod error_body;
mod finish;
mod finite;
mod health;
mod message;
mod null;
mod request;
mod response;
mod stop;
mod stream;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
#[cfg(test)]
mod published;

pub use error_body::{ErrorBody, ErrorStatus};
pub use finish::{FinishReason, Timings, Usage};
pub use health::Health;
pub use message::{Message, Role};
pub use request::{ChatRequest, GenerateRequest, Tuning};
pub use response::{ChatResponse, Choice, GenerateResponse, SuccessStatus};
pub use stop::Stop;
pub use stream::{DONE, Delta, Finish, StreamEvent};
