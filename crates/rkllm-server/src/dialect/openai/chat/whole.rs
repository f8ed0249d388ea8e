//! A chat's answers in one piece.

use serde::Serialize;

use super::Calls;
use crate::dialect::openai::wire::{Head, Spent, Timings, Usage, finish};
use crate::dialect::{Collected, CollectedCall};
use crate::generate::Finish;

/// The whole body.
#[derive(Serialize)]
pub(super) struct ChatCompletion<'a> {
    #[serde(flatten)]
    head: &'a Head,
    choices: Vec<Choice>,
    usage: Usage,
    timings: Timings,
}

#[derive(Serialize)]
struct Choice {
    index: usize,
    message: Message,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    /// `null` beside calls alone.
    content: Option<String>,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    /// Absent where there are none: clients take an empty list for a call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Function>,
}

#[derive(Serialize)]
struct Call {
    id: String,
    r#type: &'static str,
    function: Function,
}

#[derive(Serialize)]
struct Function {
    name: String,
    arguments: String,
}

/// All answers to one chat.
pub(super) fn complete(head: &Head, calls: Calls, collected: Vec<Collected>) -> ChatCompletion<'_> {
    let mut spent = Spent::default();
    let mut choices = Vec::with_capacity(collected.len());
    for (index, answer) in collected.into_iter().enumerate() {
        spent.add(&answer.done, index == 0);
        let finish_reason = reason(answer.done.finish, calls);
        let message = message(answer, calls);
        choices.push(Choice { index, message, logprobs: None, finish_reason });
    }
    ChatCompletion { head, choices, usage: Usage::from(&spent), timings: Timings::from(&spent) }
}

fn message(answer: Collected, calls: Calls) -> Message {
    let called = answer.tool_calls.into_iter();
    let function = |call: CollectedCall| Function { name: call.name, arguments: call.arguments };
    let (mut tool_calls, mut function_call) = (Vec::new(), None);
    match calls {
        Calls::Legacy => function_call = called.map(function).next(),
        Calls::Current => tool_calls.extend(called.map(|mut call| {
            let id = std::mem::take(&mut call.id);
            Call { id, r#type: "function", function: function(call) }
        })),
    }
    let calls = !tool_calls.is_empty() || function_call.is_some();
    Message {
        role: "assistant",
        content: Some(answer.text).filter(|text| !text.is_empty() || !calls),
        refusal: None,
        reasoning_content: Some(answer.thought).filter(|thought| !thought.is_empty()),
        tool_calls,
        function_call,
    }
}

/// Why an answer ended, in the words of the kind of calls that was asked for.
pub(super) fn reason(reason: Finish, calls: Calls) -> &'static str {
    match (reason, calls) {
        (Finish::ToolCalls, Calls::Legacy) => "function_call",
        (reason, _) => finish(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::scripted::{self, collected};

    fn written(calls: Calls, collected: Vec<Collected>) -> String {
        let head = scripted::head("chat.completion");
        serde_json::to_string_pretty(&complete(&head, calls, collected)).unwrap()
    }

    #[test]
    fn text() {
        insta::assert_snapshot!(written(Calls::Current, vec![collected("Hello!", "", &[])]));
    }

    #[test]
    fn thoughts_and_calls() {
        let answer = collected("", "Hm.", &["weather", "time"]);
        insta::assert_snapshot!(written(Calls::Current, vec![answer]));
    }

    #[test]
    fn legacy_calls() {
        let answer = vec![collected("", "", &["weather"])];
        insta::assert_snapshot!(written(Calls::Legacy, answer));
    }

    #[test]
    fn an_empty_answer_is_empty_text_beside_no_calls() {
        let value = serde_json::to_value(message(collected("", "", &[]), Calls::Current)).unwrap();
        assert_eq!(value, serde_json::json!({"role": "assistant", "content": "", "refusal": null}));
    }

    #[test]
    fn several_answers() {
        let answers = vec![collected("One", "", &[]), collected("Two", "", &[])];
        insta::assert_snapshot!(written(Calls::Current, answers));
    }
}
