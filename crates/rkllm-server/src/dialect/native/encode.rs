//! Events and answers in the native API's words.

use bytes::BytesMut;
use rkllm_api::{
    CalledFunction, ChatResponse, Choice, ErrorBody, FinishReason, GenerateResponse, Message,
    StreamEvent, SuccessStatus, ToolCall,
};
use serde::Serialize;

use crate::dialect::{Collected, CollectedCall, stream};
use crate::error::Error;
use crate::generate::{Done, Event, Finish, Timings, Usage};

/// Which of the two answers without streaming is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Endpoint {
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
    let reasoning = Some(answer.thought).filter(|thought| !thought.is_empty());
    match endpoint {
        Endpoint::Generate => Complete::Generate(GenerateResponse {
            text: answer.text,
            reasoning,
            status: SuccessStatus::Success,
            finish_reason,
            usage,
            timings,
        }),
        Endpoint::Chat => {
            let tool_calls = answer.tool_calls.into_iter().map(call).collect();
            let message = Message { reasoning, tool_calls, ..Message::assistant(answer.text) };
            let choices = vec![Choice { message, finish_reason }];
            Complete::Chat(ChatResponse { choices, usage, timings })
        }
    }
}

fn call(call: CollectedCall) -> ToolCall {
    let CollectedCall { id, name, arguments } = call;
    ToolCall::function(id, CalledFunction { name, arguments })
}

pub(in crate::dialect) fn error(error: &Error) -> ErrorBody {
    ErrorBody::new(error.code.name(), error.message.clone())
}

/// Tells one answer in the native API's words. As a stream that is pieces of the answer, one piece
/// with its facts, `[DONE]`; or an error in place of the last two.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Narrator {
    /// The call whose arguments may not be complete yet: clients get calls whole.
    call: Option<ToolCall>,
}

impl Narrator {
    /// Tells an event, in as many of the API's events as that takes.
    pub(in crate::dialect) fn tell(&mut self, event: Event, mut tell: impl FnMut(&StreamEvent)) {
        if !matches!(event, Event::Arguments(_) | Event::Failed(_))
            && let Some(call) = self.call.take()
        {
            tell(&StreamEvent::tool_call(call));
        }
        match event {
            Event::Started => {}
            Event::Text(text) => StreamEvent::text(text).for_each(|delta| tell(&delta)),
            Event::Thought(thought) => tell(&StreamEvent::reasoning(thought)),
            Event::ToolCall(call) => {
                let function = CalledFunction { name: call.name, arguments: String::new() };
                self.call = Some(ToolCall::function(call.id, function));
            }
            Event::Arguments(more) => {
                if let Some(call) = &mut self.call {
                    call.function.arguments.push_str(&more);
                }
            }
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
}

impl stream::Encoder for Narrator {
    const CONTENT_TYPE: &'static str = stream::SSE;
    const KEEP_ALIVE: &'static [u8] = stream::SSE_COMMENT;

    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        self.tell(event, |event| stream::data(event, out));
    }
}

fn finish(finish: Finish) -> FinishReason {
    match finish {
        Finish::Stop => FinishReason::Stop,
        Finish::Length => FinishReason::Length,
        Finish::ToolCalls => FinishReason::ToolCalls,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dialect::stream::Encoder;
    use crate::error::Code;

    fn text(text: &str) -> Event {
        Event::Text(text.to_owned())
    }

    fn thought(text: &str) -> Event {
        Event::Thought(text.to_owned())
    }

    fn calls(index: u32, name: &str) -> Event {
        let (id, name) = (format!("call_{index}"), name.to_owned());
        Event::ToolCall(crate::generate::ToolCall { index, id, name })
    }

    fn arguments(text: &str) -> Event {
        Event::Arguments(text.to_owned())
    }

    fn facts(finish: Finish) -> Done {
        Done {
            finish,
            stop: None,
            usage: Usage { prompt: 12, cached: 4, completion: 6, thoughts: 0 },
            timings: Timings { decode: Duration::from_millis(250), ..Timings::default() },
        }
    }

    /// The stream, without the facts of the answer but for its end.
    fn streamed(events: Vec<Event>) -> String {
        let (mut narrator, mut out) = (Narrator::default(), BytesMut::new());
        for event in events {
            narrator.encode(event, &mut out);
        }
        let out = std::str::from_utf8(&out).unwrap();
        let lines = out.split_terminator("\n\n");
        let lines: Vec<_> =
            lines.map(|line| line.split(",\"usage\":").next().unwrap_or_default()).collect();
        lines.join("\n")
    }

    fn written(answer: Collected, endpoint: Endpoint) -> String {
        serde_json::to_string_pretty(&complete(answer, endpoint)).unwrap()
    }

    #[test]
    fn a_stream_of_text() {
        let events =
            vec![Event::Started, text("Hi \"you\"\n"), text("!"), Event::Done(facts(Finish::Stop))];
        let (mut narrator, mut out) = (Narrator::default(), BytesMut::new());
        for event in events {
            narrator.encode(event, &mut out);
        }
        insta::assert_snapshot!(std::str::from_utf8(&out).unwrap(), @r#"
        data: {"content":"Hi \"you\"\n"}

        data: {"content":"!"}

        data: {"content":"","finish_reason":"stop","usage":{"prompt_tokens":12,"completion_tokens":6,"total_tokens":18,"cached_tokens":4},"timings":{"queue_ms":0.0,"prefill_ms":0.0,"decode_ms":250.0,"prefill_tokens":8,"decode_tokens":5,"tokens_per_second":20.0}}

        data: {"content":"[DONE]"}
        "#);
    }

    #[test]
    fn thoughts_come_before_the_text() {
        let events = vec![
            Event::Started,
            thought("Hm"),
            thought("."),
            text("Paris"),
            Event::Done(facts(Finish::Length)),
        ];
        insta::assert_snapshot!(streamed(events), @r#"
        data: {"content":"","reasoning":"Hm"}
        data: {"content":"","reasoning":"."}
        data: {"content":"Paris"}
        data: {"content":"","finish_reason":"length"
        data: {"content":"[DONE]"}
        "#);
    }

    #[test]
    fn calls_are_told_whole() {
        let events = vec![
            Event::Started,
            thought("Look."),
            text("One moment."),
            calls(0, "weather"),
            arguments("{\"city\":"),
            arguments("\"Oslo\"}"),
            calls(1, "time"),
            calls(2, "news"),
            arguments("{}"),
            text("\n"),
            Event::Done(facts(Finish::ToolCalls)),
        ];
        insta::assert_snapshot!(streamed(events), @r#"
        data: {"content":"","reasoning":"Look."}
        data: {"content":"One moment."}
        data: {"content":"","tool_calls":[{"id":"call_0","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]}
        data: {"content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"time","arguments":""}}]}
        data: {"content":"","tool_calls":[{"id":"call_2","type":"function","function":{"name":"news","arguments":"{}"}}]}
        data: {"content":"\n"}
        data: {"content":"","finish_reason":"tool_calls"
        data: {"content":"[DONE]"}
        "#);
        let last = vec![calls(0, "time"), arguments("{}"), Event::Done(facts(Finish::ToolCalls))];
        insta::assert_snapshot!(streamed(last), @r#"
        data: {"content":"","tool_calls":[{"id":"call_0","type":"function","function":{"name":"time","arguments":"{}"}}]}
        data: {"content":"","finish_reason":"tool_calls"
        data: {"content":"[DONE]"}
        "#);
    }

    #[test]
    fn a_call_that_failed_is_not_told() {
        let failed = Error::new(Code::RuntimeCrashed, "the runtime crashed");
        let events = vec![calls(0, "time"), arguments("{\"a\":"), Event::Failed(failed.clone())];
        insta::assert_snapshot!(streamed(events), @r#"data: {"error":"the runtime crashed","status":"error","code":"runtime_crashed"}"#);
        insta::assert_snapshot!(streamed(vec![text("Par"), Event::Failed(failed)]), @r#"
        data: {"content":"Par"}
        data: {"error":"the runtime crashed","status":"error","code":"runtime_crashed"}
        "#);
    }

    #[test]
    fn the_end_mark_written_by_the_model_is_no_end() {
        insta::assert_snapshot!(streamed(vec![thought("[DONE]"), text("[DONE]")]), @r#"
        data: {"content":"","reasoning":"[DONE]"}
        data: {"content":"["}
        data: {"content":"DONE]"}
        "#);
    }

    #[test]
    fn whole_answers() {
        let answer = || Collected {
            text: "Paris.".to_owned(),
            thought: String::new(),
            tool_calls: Vec::new(),
            done: facts(Finish::Stop),
        };
        insta::assert_snapshot!(written(answer(), Endpoint::Generate), @r#"
        {
          "text": "Paris.",
          "status": "success",
          "finish_reason": "stop",
          "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 6,
            "total_tokens": 18,
            "cached_tokens": 4
          },
          "timings": {
            "queue_ms": 0.0,
            "prefill_ms": 0.0,
            "decode_ms": 250.0,
            "prefill_tokens": 8,
            "decode_tokens": 5,
            "tokens_per_second": 20.0
          }
        }
        "#);
        insta::assert_snapshot!(written(answer(), Endpoint::Chat), @r#"
        {
          "choices": [
            {
              "message": {
                "role": "assistant",
                "content": "Paris."
              },
              "finish_reason": "stop"
            }
          ],
          "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 6,
            "total_tokens": 18,
            "cached_tokens": 4
          },
          "timings": {
            "queue_ms": 0.0,
            "prefill_ms": 0.0,
            "decode_ms": 250.0,
            "prefill_tokens": 8,
            "decode_tokens": 5,
            "tokens_per_second": 20.0
          }
        }
        "#);
    }

    #[test]
    fn whole_answers_with_thoughts_and_calls() {
        let called = |name: &str| CollectedCall {
            id: format!("call_{name}"),
            name: name.to_owned(),
            arguments: "{\"a\":1}".to_owned(),
        };
        let answer = Collected {
            text: String::new(),
            thought: "Hm.".to_owned(),
            tool_calls: vec![called("weather"), called("time")],
            done: facts(Finish::ToolCalls),
        };
        insta::assert_snapshot!(written(answer.clone(), Endpoint::Chat), @r#"
        {
          "choices": [
            {
              "message": {
                "role": "assistant",
                "content": "",
                "reasoning": "Hm.",
                "tool_calls": [
                  {
                    "id": "call_weather",
                    "type": "function",
                    "function": {
                      "name": "weather",
                      "arguments": "{\"a\":1}"
                    }
                  },
                  {
                    "id": "call_time",
                    "type": "function",
                    "function": {
                      "name": "time",
                      "arguments": "{\"a\":1}"
                    }
                  }
                ]
              },
              "finish_reason": "tool_calls"
            }
          ],
          "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 6,
            "total_tokens": 18,
            "cached_tokens": 4
          },
          "timings": {
            "queue_ms": 0.0,
            "prefill_ms": 0.0,
            "decode_ms": 250.0,
            "prefill_tokens": 8,
            "decode_tokens": 5,
            "tokens_per_second": 20.0
          }
        }
        "#);
        let answer = Collected { tool_calls: Vec::new(), done: facts(Finish::Length), ..answer };
        insta::assert_snapshot!(written(answer, Endpoint::Generate), @r#"
        {
          "text": "",
          "reasoning": "Hm.",
          "status": "success",
          "finish_reason": "length",
          "usage": {
            "prompt_tokens": 12,
            "completion_tokens": 6,
            "total_tokens": 18,
            "cached_tokens": 4
          },
          "timings": {
            "queue_ms": 0.0,
            "prefill_ms": 0.0,
            "decode_ms": 250.0,
            "prefill_tokens": 8,
            "decode_tokens": 5,
            "tokens_per_second": 20.0
          }
        }
        "#);
    }
}
