//! Answers in one piece.

use serde::Serialize;
use serde_json::value::RawValue;

use super::message::{Head, SIGNATURE, Thoughts, Usage, stop_reason, tool_use_id};
use crate::dialect::Collected;

/// A complete answer.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
    usage: Usage,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Thinking { thinking: &'a str, signature: &'static str },
    Text { text: &'a str },
    ToolUse { id: String, name: &'a str, input: Box<RawValue> },
}

pub(super) fn message<'a>(
    head: &'a Head,
    answer: &'a Collected,
    thoughts: Thoughts,
) -> Message<'a> {
    let mut content = Vec::new();
    if !answer.thought.is_empty() && thoughts != Thoughts::None {
        let shown = thoughts == Thoughts::All;
        let thinking = if shown { answer.thought.as_str() } else { "" };
        content.push(Block::Thinking { thinking, signature: SIGNATURE });
    }
    if !answer.text.is_empty() {
        content.push(Block::Text { text: &answer.text });
    }
    let before = content.len();
    for call in &answer.tool_calls {
        // Arguments that the token limit cut off are nothing to call a tool with.
        if let Some(input) = input(&call.arguments) {
            content.push(Block::ToolUse { id: tool_use_id(&call.id), name: &call.name, input });
        }
    }
    let reason = stop_reason(&answer.done, content.len() > before);
    Message {
        id: &head.id,
        r#type: "message",
        role: "assistant",
        model: &head.model,
        content,
        stop_reason: reason,
        stop_sequence: answer.done.stop.as_deref().filter(|_| reason == "stop_sequence"),
        usage: answer.done.usage.into(),
    }
}

/// Arguments as they were generated, if they are a whole object.
fn input(arguments: &str) -> Option<Box<RawValue>> {
    let text = if arguments.trim().is_empty() { "{}" } else { arguments.trim() };
    let raw = RawValue::from_string(text.to_owned()).ok()?;
    text.starts_with('{').then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::anthropic::encode::tests::{done, head};
    use crate::dialect::collect::CollectedCall;
    use crate::generate::{Done, Finish};

    fn answer(text: &str, done: Done) -> Collected {
        Collected { text: text.into(), thought: String::new(), tool_calls: Vec::new(), done }
    }

    fn call(id: &str, arguments: &str) -> CollectedCall {
        let name = "get_weather".to_owned();
        CollectedCall { id: id.to_owned(), name, arguments: arguments.to_owned() }
    }

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn thoughts_text_and_tools_come_in_this_order() {
        let answer = Collected {
            thought: "Let me think.".into(),
            tool_calls: vec![call("call_1", r#"{"city": "Oslo"}"#), call("call_2", "")],
            ..answer("Checking.", done(Finish::ToolCalls))
        };
        // As bytes: arguments are the model's own.
        insta::assert_snapshot!(json(&message(&head(), &answer, Thoughts::All)));
        insta::assert_snapshot!(
            json(&message(&head(), &answer, Thoughts::Place).content),
            @r#"[{"type":"thinking","thinking":"","signature":"local"},{"type":"text","text":"Checking."},{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{"city": "Oslo"}},{"type":"tool_use","id":"toolu_2","name":"get_weather","input":{}}]"#
        );
    }

    #[test]
    fn reasons_are_translated() {
        let head = head();
        let reason = |answer: &Collected| {
            let message = message(&head, answer, Thoughts::All);
            (message.stop_reason, message.stop_sequence.map(str::to_owned))
        };
        assert_eq!(reason(&answer("x", done(Finish::Stop))), ("end_turn", None));
        assert_eq!(reason(&answer("x", done(Finish::Length))), ("max_tokens", None));
        let stopped = Done { stop: Some("END".into()), ..done(Finish::Stop) };
        assert_eq!(reason(&answer("x", stopped)), ("stop_sequence", Some("END".into())));
    }

    #[test]
    fn an_answer_without_text_has_no_empty_block() {
        let silent = answer("", done(Finish::Stop));
        let json = serde_json::to_value(message(&head(), &silent, Thoughts::All)).unwrap();
        assert_eq!(json["content"], serde_json::json!([]));
        let thought = Collected { thought: "hm".into(), ..silent };
        assert!(message(&head(), &thought, Thoughts::None).content.is_empty());
    }

    #[test]
    fn arguments_that_were_cut_off_call_nothing() {
        let cut = Collected {
            tool_calls: vec![call("call_1", r#"{"city": "Os"#)],
            ..answer("", done(Finish::Length))
        };
        let json = serde_json::to_value(message(&head(), &cut, Thoughts::All)).unwrap();
        assert_eq!(json["content"], serde_json::json!([]));
        assert_eq!(json["stop_reason"], "max_tokens");
    }
}
