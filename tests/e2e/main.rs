//! The built server from outside: real model, real sockets, real signals.

// Helpers outside `#[test]` functions may unwrap as well: a panic is how a test fails.
#![allow(clippy::unwrap_used)]

mod admin;
mod anthropic;
mod bad_input;
mod calls;
mod cancel;
mod chat;
mod clients;
mod command_line;
mod faults;
mod generate;
mod grace;
mod hermes;
mod http;
mod ollama;
mod ollama_models;
mod openai;
mod openapi;
mod pipes;
mod prefix_cache;
mod responses;
mod server;
mod stop;
mod thoughts;
mod vendor;
mod websocket;
