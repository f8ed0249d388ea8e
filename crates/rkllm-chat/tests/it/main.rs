//! Whole templates, rendered; and templates that mean harm.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod corpus;
mod hostile;
mod prompts;
mod rendering;
mod smuggling;
mod turns;
