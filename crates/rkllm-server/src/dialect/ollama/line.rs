//! The objects that answers are made of.

use serde::Serialize;
use serde_json::Value;

use super::time::{Time, nanoseconds};
use crate::error::{Code, Error};
use crate::generate::{Done, Finish};

/// Which of the two kinds of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Chat,
    Generate,
}

impl Shape {
    /// What a model without it does not support.
    pub(super) fn ability(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Generate => "generate",
        }
    }
}

/// What one line says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) text: &'a str,
    pub(super) thinking: &'a str,
    pub(super) calls: &'a [Call],
    /// The facts of the answer; on its last line only.
    pub(super) end: Option<&'a End>,
}

/// A function call, whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Call {
    id: String,
    function: Called,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Called {
    index: u32,
    name: String,
    arguments: Value,
}

impl Call {
    /// A call whose arguments came as the text of a JSON object; no text is the empty object.
    pub(super) fn new(index: u32, id: String, name: String, text: &str) -> Result<Self, Error> {
        let text = if text.trim().is_empty() { "{}" } else { text };
        match serde_json::from_str(text) {
            Ok(arguments @ Value::Object(_)) => {
                Ok(Self { id, function: Called { index, name, arguments } })
            }
            _ => Err(Error::new(
                Code::InvalidOutput,
                format!(
                    "the model called {name} with arguments that are no JSON object; ask again"
                ),
            )),
        }
    }
}

/// Why an answer ended and what it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct End {
    done_reason: &'static str,
    #[serde(flatten)]
    counts: Option<Counts>,
}

/// Numbers of an answer: all of them, always. Durations are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Counts {
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u32,
    prompt_eval_duration: u64,
    eval_count: u32,
    eval_duration: u64,
}

impl End {
    /// The end of what was no answer.
    pub(super) fn without_answer(done_reason: &'static str) -> Self {
        Self { done_reason, counts: None }
    }
}

impl From<&Done> for End {
    fn from(done: &Done) -> Self {
        let Done { finish, usage, timings, .. } = done;
        let total = timings.queue + timings.load + timings.prefill + timings.decode;
        let counts = Counts {
            total_duration: nanoseconds(total),
            load_duration: nanoseconds(timings.load),
            prompt_eval_count: usage.prompt,
            prompt_eval_duration: nanoseconds(timings.prefill),
            eval_count: usage.completion,
            eval_duration: nanoseconds(timings.decode),
        };
        let done_reason = match finish {
            // There is no reason of their own for calls.
            Finish::Stop | Finish::ToolCalls => "stop",
            Finish::Length => "length",
        };
        Self { done_reason, counts: Some(counts) }
    }
}

/// A line on the wire.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    model: &'a str,
    created_at: Time,
    #[serde(flatten)]
    content: Content<'a>,
    done: bool,
    #[serde(flatten)]
    end: Option<&'a End>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Chat {
        message: Message<'a>,
    },
    Generate {
        response: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        thinking: &'a str,
    },
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    #[serde(skip_serializing_if = "<[Call]>::is_empty")]
    tool_calls: &'a [Call],
}

impl<'a> Line<'a> {
    pub(super) fn new(shape: Shape, model: &'a str, created_at: Time, said: Said<'a>) -> Self {
        let Said { text, thinking, calls, end } = said;
        let content = match shape {
            Shape::Chat => Content::Chat {
                message: Message { role: "assistant", content: text, thinking, tool_calls: calls },
            },
            Shape::Generate => Content::Generate { response: text, thinking },
        };
        Self { model, created_at, content, done: end.is_some(), end }
    }
}
