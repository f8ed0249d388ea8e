//! What a generation is, whoever asks for it and whatever runs it: one request type, one event type.

mod event;
mod request;

pub(crate) use event::{Done, Event, Finish, Timings, ToolCall, Usage};
pub(crate) use request::{Format, Input, Overflow, Request, Tool, ToolChoice, Tuning, temperature};
