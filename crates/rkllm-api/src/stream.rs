//! What comes back piece by piece.

use std::iter;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ErrorBody, ErrorStatus, FinishReason, Timings, ToolCall, Usage};

/// The content of the event that ends every complete stream.
pub const DONE: &str = "[DONE]";

/// The `data` of one server-sent event.
///
/// A complete stream is any number of deltas, the last of which carries a [`Finish`], then [`Done`](Self::Done). A stream that
/// fails ends with [`Error`](Self::Error) instead; one that just stops was cut off.
///
/// ```
/// # use rkllm_api::StreamEvent;
/// let event: StreamEvent = serde_json::from_str(r#"{"content": "[DONE]"}"#).unwrap();
/// assert_eq!(event, StreamEvent::Done);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// `{"content": "…"}`, some with `reasoning` or `tool_calls`, the last one with `finish_reason`, `usage` and `timings`.
    ///
    /// A delta whose content is exactly [`DONE`] would read as the end of the stream: a server makes its deltas with
    /// [`text`](Self::text), which never produces one.
    Delta(Delta),
    /// `{"content": "[DONE]"}`
    Done,
    /// `{"error": "…", "status": "error", "code": "…"}`
    Error(ErrorBody),
}

/// A piece of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// Text to append to what came before; empty in the last delta, and beside thoughts and calls.
    pub content: String,
    /// Thoughts to append to those that came before.
    pub reasoning: Option<String>,
    /// Function calls that have become complete.
    pub tool_calls: Vec<ToolCall>,
    /// Present in the last delta only.
    pub finish: Option<Finish>,
}

/// What is known once an answer has ended; flat beside `content` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Finish {
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// How many tokens it took.
    pub usage: Usage,
    /// How long it took.
    pub timings: Timings,
}

impl StreamEvent {
    /// The deltas that carry `content`: one, or two where the model wrote exactly [`DONE`], which in one piece would read as the
    /// end of the stream.
    pub fn text(content: impl Into<String>) -> impl Iterator<Item = Self> {
        let mut content = content.into();
        let rest = (content == DONE).then(|| content.split_off(1));
        iter::once(content)
            .chain(rest)
            .map(|content| Self::Delta(Delta { content, ..Delta::default() }))
    }

    /// The delta that carries more of what the model thinks.
    pub fn reasoning(thought: impl Into<String>) -> Self {
        Self::Delta(Delta { reasoning: Some(thought.into()), ..Delta::default() })
    }

    /// The delta that carries a function call.
    #[must_use]
    pub fn tool_call(call: ToolCall) -> Self {
        Self::Delta(Delta { tool_calls: vec![call], ..Delta::default() })
    }

    /// The last delta, which has no text.
    #[must_use]
    pub fn finish(finish: Finish) -> Self {
        Self::Delta(Delta { finish: Some(finish), ..Delta::default() })
    }
}

#[derive(Default, Serialize)]
struct DeltaWire<'a> {
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tool_calls: &'a [ToolCall],
    #[serde(flatten)]
    finish: Option<&'a Finish>,
}

impl Serialize for StreamEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match self {
            Self::Delta(delta) => DeltaWire {
                content: &delta.content,
                reasoning: delta.reasoning.as_deref(),
                tool_calls: &delta.tool_calls,
                finish: delta.finish.as_ref(),
            },
            Self::Done => DeltaWire { content: DONE, ..DeltaWire::default() },
            Self::Error(body) => return body.serialize(serializer),
        };
        wire.serialize(serializer)
    }
}

/// All fields of all events: which event it is shows only once they are read.
#[derive(Deserialize)]
struct EventWire {
    content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    timings: Option<Timings>,
    error: Option<String>,
    #[serde(rename = "status")]
    _status: Option<ErrorStatus>,
    code: Option<String>,
}

impl<'de> Deserialize<'de> for StreamEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = EventWire::deserialize(deserializer)?;
        if let Some(error) = wire.error {
            let code = wire.code.ok_or_else(|| D::Error::missing_field("code"))?;
            return Ok(Self::Error(ErrorBody::new(code, error)));
        }
        let content = wire.content.ok_or_else(|| D::Error::missing_field("content"))?;
        if content == DONE && wire.finish_reason.is_none() {
            return Ok(Self::Done);
        }
        let finish = match wire.finish_reason {
            None => None,
            Some(finish_reason) => Some(Finish {
                finish_reason,
                usage: wire.usage.ok_or_else(|| D::Error::missing_field("usage"))?,
                timings: wire.timings.ok_or_else(|| D::Error::missing_field("timings"))?,
            }),
        };
        let tool_calls = wire.tool_calls.unwrap_or_default();
        Ok(Self::Delta(Delta { content, reasoning: wire.reasoning, tool_calls, finish }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CalledFunction;
    use crate::finish::tests::{TIMINGS, USAGE, finish_reason, timings, usage};
    use crate::tool_call::tests::tool_call;
    use proptest::prelude::*;
    use serde_json::{from_str, to_string};

    #[test]
    fn wire_format_of_each_event() {
        let finish = Finish { finish_reason: FinishReason::Stop, usage: USAGE, timings: TIMINGS };
        let function = CalledFunction { name: "weather".into(), arguments: "{}".into() };
        let events: Vec<_> = StreamEvent::text("Par")
            .chain([
                StreamEvent::reasoning("Hm."),
                StreamEvent::tool_call(ToolCall::function("call_1", function)),
                StreamEvent::finish(finish),
                StreamEvent::Done,
                StreamEvent::Error(ErrorBody::new("runtime_failed", "the runtime failed")),
            ])
            .collect();
        insta::assert_json_snapshot!(events, @r#"
        [
          {
            "content": "Par"
          },
          {
            "content": "",
            "reasoning": "Hm."
          },
          {
            "content": "",
            "tool_calls": [
              {
                "id": "call_1",
                "type": "function",
                "function": {
                  "name": "weather",
                  "arguments": "{}"
                }
              }
            ]
          },
          {
            "content": "",
            "finish_reason": "stop",
            "usage": {
              "prompt_tokens": 12,
              "completion_tokens": 5,
              "total_tokens": 17,
              "cached_tokens": 8
            },
            "timings": {
              "queue_ms": 0.25,
              "prefill_ms": 40.0,
              "decode_ms": 25.0,
              "prefill_tokens": 4,
              "decode_tokens": 5,
              "tokens_per_second": 200.0
            }
          },
          {
            "content": "[DONE]"
          },
          {
            "error": "the runtime failed",
            "status": "error",
            "code": "runtime_failed"
          }
        ]
        "#);
    }

    #[test]
    fn the_end_mark_written_by_the_model_does_not_end_the_stream() {
        let events: Vec<_> = StreamEvent::text(DONE).collect();
        let read: Vec<StreamEvent> =
            events.iter().map(|e| from_str(&to_string(e).unwrap()).unwrap()).collect();
        assert_eq!(read, events);
        let joined: String = read
            .into_iter()
            .map(|event| match event {
                StreamEvent::Delta(delta) => delta.content,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(joined, DONE);
    }

    #[test]
    fn an_incomplete_event_names_what_is_missing() {
        let missing = |json| from_str::<StreamEvent>(json).unwrap_err().to_string();
        assert!(missing("{}").contains("missing field `content`"));
        assert!(missing(r#"{"error": "x"}"#).contains("missing field `code`"));
        let end = r#"{"content": "", "finish_reason": "stop"}"#;
        assert!(missing(end).contains("missing field `usage`"));
    }

    fn event() -> impl Strategy<Value = StreamEvent> {
        let finish = (finish_reason(), usage(), timings())
            .prop_map(|(finish_reason, usage, timings)| Finish { finish_reason, usage, timings });
        let text = any::<String>().prop_filter("reads as the end mark", |text| text != DONE);
        prop_oneof![
            (
                text,
                any::<Option<String>>(),
                prop::collection::vec(tool_call(), 0..3),
                prop::option::of(finish)
            )
                .prop_map(|(content, reasoning, tool_calls, finish)| {
                    StreamEvent::Delta(Delta { content, reasoning, tool_calls, finish })
                }),
            Just(StreamEvent::Done),
            any::<[String; 2]>()
                .prop_map(|[code, error]| StreamEvent::Error(ErrorBody::new(code, error))),
        ]
    }

    proptest! {
        #[test]
        fn round_trip(event in event()) {
            let json = to_string(&event).unwrap();
            prop_assert_eq!(from_str::<StreamEvent>(&json).unwrap(), event);
        }
    }
}
