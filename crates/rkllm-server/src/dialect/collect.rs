//! Answers in one piece.

use crate::error::Error;
use crate::generate::{Done, Event};
use crate::worker::Answer;

/// A complete answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Collected {
    pub(super) text: String,
    /// What the model thought before.
    pub(super) thought: String,
    pub(super) tool_calls: Vec<CollectedCall>,
    pub(super) done: Done,
}

/// A function call of a complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CollectedCall {
    pub(super) id: String,
    pub(super) name: String,
    /// A JSON object, as text.
    pub(super) arguments: String,
}

/// Waits for the whole answer.
pub(super) async fn collect(mut answer: Answer) -> Result<Collected, Error> {
    let (mut text, mut thought) = (String::new(), String::new());
    let mut tool_calls: Vec<CollectedCall> = Vec::new();
    while let Some(event) = answer.next().await {
        match event {
            Event::Started => {}
            Event::Text(more) => text.push_str(&more),
            Event::Thought(more) => thought.push_str(&more),
            Event::ToolCall(call) => tool_calls.push(CollectedCall {
                id: call.id,
                name: call.name,
                arguments: String::new(),
            }),
            Event::Arguments(more) => {
                if let Some(call) = tool_calls.last_mut() {
                    call.arguments.push_str(&more);
                }
            }
            Event::Done(done) => return Ok(Collected { text, thought, tool_calls, done }),
            Event::Failed(error) => return Err(error),
        }
    }
    unreachable!("an answer ends with `Done` or `Failed`")
}
