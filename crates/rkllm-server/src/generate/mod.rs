//! What a generation is, whoever asks for it and whatever runs it: one request type, one event type.

mod event;
mod request;

pub(crate) use event::{Event, Finish, Timings, Usage};
pub(crate) use request::{Request, Tuning, temperature};
