//! Bodies of chats as requests.

use rkllm_chat::{Message, Role};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Calls;
use crate::dialect::openai::answers::Series;
use crate::dialect::openai::common;
use crate::dialect::openai::either::TextOrObject;
use crate::dialect::openai::error::{invalid, unsupported};
use crate::dialect::openai::format::ResponseFormat;
use crate::dialect::openai::message::{self, WireMessage};
use crate::dialect::openai::names::Names;
use crate::dialect::openai::reply::{Asked, StreamEnd};
use crate::dialect::openai::thinking::{Reasoning, Thinking};
use crate::dialect::openai::tools::{self, Choice, Function, Name, WireTool};
use crate::error::Error;
use crate::generate::{Input, Request};
use crate::worker::ROLE;

/// A body and how its answer tells function calls.
pub(super) struct Parsed {
    pub(super) asked: Asked,
    pub(super) calls: Calls,
}

/// The fields that only chats know.
#[derive(Debug, Deserialize)]
struct Body {
    messages: Vec<WireMessage>,
    continue_final_message: Option<bool>,
    tools: Option<Vec<WireTool>>,
    tool_choice: Option<Choice>,
    parallel_tool_calls: Option<bool>,
    functions: Option<Vec<Function>>,
    function_call: Option<TextOrObject<Name>>,
    response_format: Option<ResponseFormat>,
    reasoning_effort: Option<String>,
    reasoning: Option<Reasoning>,
    chat_template_kwargs: Option<Map<String, Value>>,
    documents: Option<Vec<Map<String, Value>>>,
    logprobs: Option<bool>,
    top_logprobs: Option<i64>,
}

const EXAMPLE: &str = r#"{"model": "…", "messages": [{"role": "user", "content": "Hello"}]}"#;

pub(super) fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let (mut common, mut body, mut ignored) = common::parse::<Body>(body, EXAMPLE)?;
    let model = common.model()?;
    let stream = common.stream.unwrap_or_default();
    let stream = stream.then(|| StreamEnd { usage: common.include_usage() });
    let n = common.n()?;
    body.refuse_logprobs()?;
    let (tuning, mut names) = common.tuning(None, &mut ignored)?;
    let mut request = Request { tuning, ..Request::default() };
    body.tell_thinking(&mut request, &mut names)?;
    if let Some(format) = body.response_format.take() {
        names.say("format", "response_format");
        request.format = format.format()?;
    }
    let documents = body.documents.take().unwrap_or_default();
    request.documents = documents.into_iter().map(Value::Object).collect();
    let calls = body.tell_tools(&mut request, &mut ignored)?;
    request.input = body.input(&mut names, &mut ignored)?;
    let series = Series::new(vec![request], n);
    Ok(Parsed { asked: Asked { model, series, stream, names, ignored }, calls })
}

impl Body {
    fn refuse_logprobs(&self) -> Result<(), Error> {
        let field = match (self.logprobs, self.top_logprobs) {
            (Some(true), _) => "logprobs",
            (_, Some(1..)) => "top_logprobs",
            _ => return Ok(()),
        };
        let message = format!("{field} is not supported; send the request without it");
        Err(unsupported(field, message))
    }

    fn tell_thinking(&mut self, request: &mut Request, names: &mut Names) -> Result<(), Error> {
        names.say("template_kwargs", "chat_template_kwargs");
        let thinking = Thinking {
            reasoning_effort: self.reasoning_effort.take(),
            reasoning: self.reasoning.take(),
            chat_template_kwargs: self.chat_template_kwargs.take(),
        };
        thinking.tell(request, names)
    }

    fn tell_tools(
        &mut self,
        request: &mut Request,
        ignored: &mut Vec<String>,
    ) -> Result<Calls, Error> {
        let legacy = self.functions.take().filter(|functions| !functions.is_empty());
        let Some(functions) = legacy else {
            request.tools = tools::tools(self.tools.take().unwrap_or_default(), ignored)?;
            request.tool_choice = tools::choice(self.tool_choice.take(), &mut request.tools)?;
            ignored.extend(self.function_call.take().map(|_| "function_call".to_owned()));
            request.one_call = self.parallel_tool_calls == Some(false);
            return Ok(Calls::Current);
        };
        if self.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
            let message = "functions is an older name of tools; send one of the two";
            return Err(invalid("functions", message));
        }
        request.tools = tools::functions(functions, ignored)?;
        request.tool_choice = tools::function_call(self.function_call.take(), &request.tools)?;
        request.one_call = true;
        ignored.extend(self.tool_choice.take().map(|_| "tool_choice".to_owned()));
        Ok(Calls::Legacy)
    }

    fn input(self, names: &mut Names, ignored: &mut Vec<String>) -> Result<Input, Error> {
        let messages = message::conversation(self.messages, ignored)?;
        names.say(ROLE, format!("messages[{}].role", messages.len() - 1));
        let field = "continue_final_message";
        let open = match (self.continue_final_message, messages.last()) {
            (Some(true), Some(last)) if last.role != Role::Assistant => {
                let message =
                    format!("{field} is true, but the last message is not an assistant's");
                return Err(invalid(field, message));
            }
            (Some(open), _) => open,
            (None, last) => last.is_some_and(is_begun),
        };
        Ok(Input::Chat { messages, open })
    }
}

/// Whether a message is the beginning of the answer rather than a turn that is over.
fn is_begun(last: &Message) -> bool {
    last.role == Role::Assistant && last.tool_calls.is_empty() && !last.content.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(rest: &str) -> String {
        format!(r#"{{"model": "m", "messages": [{{"role": "user", "content": "hi"}}], {rest}}}"#)
    }

    fn read(body: &str) -> (Request, Calls, Asked) {
        let mut parsed = parse(body.as_bytes()).unwrap();
        (parsed.asked.series.next().unwrap(), parsed.calls, parsed.asked)
    }

    fn refused(body: &str) -> String {
        let Err(error) = parse(body.as_bytes()) else { panic!("{body} is accepted") };
        let said = error.message.split("; send for example").next().unwrap_or_default();
        format!("{} {:?}: {said}", error.param.as_deref().unwrap_or("-"), error.code)
    }

    #[test]
    fn every_field_reaches_the_request() {
        let (request, calls, asked) = read(&chat(
            r#""stream": true, "stream_options": {"include_usage": true}, "max_tokens": 5,
            "temperature": 0.5, "top_p": 0.9, "top_k": 3, "repetition_penalty": 1.1,
            "frequency_penalty": 0.2, "presence_penalty": 0.3, "seed": 7, "stop": ["a", "b"],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
            "tool_choice": "required", "parallel_tool_calls": false, "reasoning_effort": "none",
            "response_format": {"type": "json_object"}, "chat_template_kwargs": {"tone": "dry"},
            "documents": [{"title": "T", "text": "x"}]"#,
        ));
        insta::assert_json_snapshot!(request);
        assert_eq!(calls, Calls::Current);
        assert_eq!(asked.stream, Some(StreamEnd { usage: true }));
        assert!(asked.ignored.is_empty(), "{:?}", asked.ignored);
    }

    #[test]
    fn null_is_absent() {
        let (request, calls, asked) = read(&chat(
            r#""stream": null, "continue_final_message": null, "tools": null, "tool_choice": null,
            "parallel_tool_calls": null, "functions": null, "function_call": null,
            "response_format": null, "reasoning_effort": null, "reasoning": null,
            "chat_template_kwargs": null, "documents": null, "logprobs": null, "top_logprobs": null"#,
        ));
        let input = Input::chat(vec![Message::new(Role::User, "hi")]);
        assert_eq!(request, Request { input, ..Request::default() });
        assert_eq!((calls, asked.stream), (Calls::Current, None));
        assert!(asked.ignored.is_empty(), "{:?}", asked.ignored);
    }

    #[test]
    fn legacy_functions_are_tools() {
        let (request, calls, asked) = read(&chat(
            r#""functions": [{"name": "f"}], "function_call": {"name": "f"}, "tools": [],
            "tool_choice": "auto""#,
        ));
        assert_eq!((request.tools.len(), calls), (1, Calls::Legacy));
        assert!(request.one_call);
        assert_eq!(request.tool_choice, crate::generate::ToolChoice::Function("f".into()));
        assert_eq!(asked.ignored, ["tool_choice"]);
        let (_, calls, asked) = read(&chat(r#""functions": [], "function_call": "auto""#));
        assert_eq!((calls, asked.ignored), (Calls::Current, vec!["function_call".to_owned()]));
    }

    #[test]
    fn what_an_assistant_began_is_continued() {
        let open = |last: &str, rest: &str| {
            let body = format!(
                r#"{{"model": "m", "messages": [{{"role": "user", "content": "hi"}}, {last}]{rest}}}"#
            );
            match read(&body).0.input {
                Input::Chat { open, .. } => open,
                other => panic!("{other:?}"),
            }
        };
        let begun = r#"{"role": "assistant", "content": "Well,"}"#;
        assert!(open(begun, ""));
        assert!(!open(begun, r#", "continue_final_message": false"#));
        assert!(!open(r#"{"role": "assistant", "content": ""}"#, ""));
        let call = r#"{"role": "assistant", "content": "x", "tool_calls": [
            {"id": "1", "function": {"name": "f"}}]}"#;
        assert!(!open(call, ""));
        assert!(!open(r#"{"role": "user", "content": "x"}"#, ""));
    }

    #[test]
    fn a_history_with_calls_is_heard_in_full() {
        let (_, _, asked) = read(
            r#"{"model": "m", "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "1", "content": "21 degrees"}]}"#,
        );
        assert!(asked.ignored.is_empty(), "{:?}", asked.ignored);
    }

    #[test]
    fn fields_are_ignored_by_their_name_in_the_body() {
        let (_, _, asked) = read(&chat(
            r#""max_completion_tokens": 5, "store": false, "user": "u", "reasoning_effort": "low",
            "response_format": {"type": "text", "x": 1}"#,
        ));
        assert_eq!(asked.ignored, ["store", "user", "response_format.x"]);
        let wire = |field| asked.names.wire(field).to_owned();
        let names = ["max_new_tokens", "enable_thinking", "format", "role", "template_kwargs"];
        insta::assert_snapshot!(names.map(wire).join(" "), @"max_completion_tokens reasoning_effort response_format messages[0].role chat_template_kwargs");
    }

    #[test]
    fn every_fault_is_named() {
        let said: Vec<_> = [
            "".to_owned(),
            "{\"model\"".to_owned(),
            r#"{"messages": [{"role": "user", "content": "hi"}]}"#.to_owned(),
            r#"{"model": "", "messages": [{"role": "user", "content": "hi"}]}"#.to_owned(),
            r#"{"model": "m"}"#.to_owned(),
            r#"{"model": "m", "messages": null}"#.to_owned(),
            r#"{"model": "m", "messages": []}"#.to_owned(),
            r#"{"model": "m", "messages": [{"role": "robot", "content": "hi"}]}"#.to_owned(),
            r#"{"model": "m", "messages": [{"content": "hi"}]}"#.to_owned(),
            r#"{"model": "m", "messages": [{"role": "user", "content": 5}]}"#.to_owned(),
            r#"{"model": "m", "messages": [{"role": "user", "content": ["hi"]}]}"#.to_owned(),
            r#"{"model": "m", "messages": [{"role": "user", "content": [{"text": 5}]}]}"#
                .to_owned(),
            r#"{"model": "m", "messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "x"}}]}]}"#
                .to_owned(),
            chat(r#""temperature": "x""#),
            chat(r#""temperature": 9"#),
            chat(r#""max_tokens": 0"#),
            chat(r#""n": 0"#),
            chat(r#""stop": 5"#),
            chat(r#""logprobs": true"#),
            chat(r#""top_logprobs": 3"#),
            chat(r#""response_format": {"type": "xml"}"#),
            chat(r#""response_format": {}"#),
            chat(r#""tool_choice": "required""#),
            chat(r#""tool_choice": 5"#),
            chat(r#""tools": [{"type": "function", "function": {}}]"#),
            chat(r#""tools": [{"function": {"name": "f"}}], "functions": [{"name": "f"}]"#),
            chat(r#""chat_template_kwargs": {"enable_thinking": 1}"#),
            chat(r#""continue_final_message": true"#),
            chat(r#""documents": ["x"]"#),
        ]
        .iter()
        .map(|body| refused(body))
        .collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
