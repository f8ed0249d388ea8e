//! Events and answers in the native API's words.

use bytes::BytesMut;
use rkllm_api::{
    ChatResponse, Choice, ErrorBody, FinishReason, GenerateResponse, Message, Role, StreamEvent,
    SuccessStatus,
};
use serde::Serialize;

use crate::dialect::{Collected, stream};
use crate::error::Error;
use crate::generate::{Done, Event, Finish, Timings, Usage};

/// Which of the two answers without streaming is wanted.
#[derive(Clone, Copy, Debug)]
pub(in crate::dialect) enum Endpoint {
    Generate,
    Chat,
}

/// A complete answer in the shape of its endpoint.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Complete {
    Generate(GenerateResponse),
    Chat(ChatResponse),
}

pub(super) fn complete(answer: Collected, endpoint: Endpoint) -> Complete {
    let done = answer.done;
    let finish_reason = finish(done.finish);
    let timings = timings(done.usage, done.timings);
    let usage = usage(done.usage);
    match endpoint {
        Endpoint::Generate => Complete::Generate(GenerateResponse {
            text: answer.text,
            status: SuccessStatus::Success,
            finish_reason,
            usage,
            timings,
        }),
        Endpoint::Chat => {
            let message = Message { role: Role::Assistant, content: answer.text };
            let choices = vec![Choice { message, finish_reason }];
            Complete::Chat(ChatResponse { choices, usage, timings })
        }
    }
}

pub(in crate::dialect) fn error(error: &Error) -> ErrorBody {
    ErrorBody::new(error.code.name(), error.message.clone())
}

/// The native stream: content chunks, one chunk with the facts of the answer, `[DONE]`; or an error
/// in place of the last two.
pub(super) struct Encoder;

impl stream::Encoder for Encoder {
    const CONTENT_TYPE: &'static str = stream::SSE;
    const KEEP_ALIVE: &'static [u8] = stream::SSE_COMMENT;

    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        told(event, |event| stream::data(event, out));
    }
}

/// Tells an event in the native API's words, in as many of its events as that takes.
pub(in crate::dialect) fn told(event: Event, mut tell: impl FnMut(&StreamEvent)) {
    match event {
        Event::Started | Event::Thought(_) | Event::ToolCall(_) | Event::Arguments(_) => {}
        Event::Text(text) => StreamEvent::text(text).for_each(|delta| tell(&delta)),
        Event::Done(Done { finish: reason, usage: used, timings: times, .. }) => {
            let finish = rkllm_api::Finish {
                finish_reason: finish(reason),
                usage: usage(used),
                timings: timings(used, times),
            };
            tell(&StreamEvent::finish(finish));
            tell(&StreamEvent::Done);
        }
        Event::Failed(failed) => tell(&StreamEvent::Error(error(&failed))),
    }
}

fn finish(finish: Finish) -> FinishReason {
    match finish {
        Finish::Stop | Finish::ToolCalls => FinishReason::Stop,
        Finish::Length => FinishReason::Length,
    }
}

fn usage(usage: Usage) -> rkllm_api::Usage {
    rkllm_api::Usage {
        prompt_tokens: usage.prompt,
        completion_tokens: usage.completion,
        total_tokens: usage.prompt + usage.completion,
        cached_tokens: usage.cached,
    }
}

fn timings(usage: Usage, timings: Timings) -> rkllm_api::Timings {
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    rkllm_api::Timings {
        queue_ms: milliseconds(timings.queue),
        prefill_ms: milliseconds(timings.prefill),
        decode_ms: milliseconds(timings.decode),
        prefill_tokens: usage.prompt - usage.cached,
        // The first token came out of prefill.
        decode_tokens: usage.completion.saturating_sub(1),
        tokens_per_second: timings.tokens_per_second(usage.completion),
    }
}
