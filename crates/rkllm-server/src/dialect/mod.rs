//! Between the wire and generations. A dialect turns a body into a request and events into bytes;
//! what all dialects share stands here.

mod body;
mod ignored;
mod json;
pub(crate) mod native;
mod sse;

use crate::error::Error;
use crate::generate::{Event, Finish, Timings, Usage};
use crate::worker::Answer;

/// A complete answer.
struct Collected {
    text: String,
    finish: Finish,
    usage: Usage,
    timings: Timings,
}

/// Waits for the whole answer.
async fn collect(mut answer: Answer) -> Result<Collected, Error> {
    let mut text = String::new();
    while let Some(event) = answer.next().await {
        match event {
            Event::Text(more) => text.push_str(&more),
            Event::Done(finish, usage, timings) => {
                return Ok(Collected { text, finish, usage, timings });
            }
            Event::Failed(error) => return Err(error),
        }
    }
    unreachable!("an answer ends with `Done` or `Failed`")
}
