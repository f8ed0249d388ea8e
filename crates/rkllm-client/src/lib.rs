//! Typed async client of rkllm-server's native and admin HTTP API.
//!
//! [`Client`] has one method per call. [`Client::generate`] and [`Client::chat`] return the whole answer;
//! [`Client::generate_stream`] and [`Client::chat_stream`] return a [`DeltaStream`] that yields it as it is written. The types of
//! requests and answers are those of [`api`]. [`Client::models`], [`Client::load`], [`Client::unload`], [`Client::rescan`] and
//! [`Client::status`] manage the server.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), rkllm_client::Error> {
//! use rkllm_client::{Client, api::GenerateRequest};
//!
//! let client = Client::new("http://127.0.0.1:5000")?;
//! let request = GenerateRequest { prompt: "Tell me a story".into(), ..Default::default() };
//! println!("{}", client.generate(&request).await?.text);
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod api_key;
mod body;
mod client;
mod error;
mod event_size;
mod options;
mod retry;
mod stream;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
#[cfg(test)]
mod scripted;

pub use api_key::ApiKey;
pub use client::Client;
pub use error::{ApiBody, Error};
pub use options::Options;
pub use rkllm_api as api;
pub use stream::DeltaStream;
