//! Every form that is accepted, and every one that is refused.

use proptest::prelude::*;
use rkllm_chat::{Message, Role};
use serde_json::{Value, json};

use super::*;
use crate::generate::{Input, Tool, ToolChoice};

/// A body with the fields that are required, and these.
fn body(fields: Value) -> Vec<u8> {
    let mut body = json!({
        "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]
    });
    let Value::Object(fields) = fields else { panic!("{fields}") };
    body.as_object_mut().unwrap().extend(fields);
    body.to_string().into_bytes()
}

fn parsed(fields: Value) -> Parsed {
    let bytes = body(fields);
    messages(&bytes, Limit::Required).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(fields: Value) -> String {
    messages(&body(fields), Limit::Required).unwrap_err().message
}

fn chat(fields: Value) -> (Vec<Message>, bool) {
    match parsed(fields).request.input {
        Input::Chat { messages, open } => (messages, open),
        other => panic!("{other:?}"),
    }
}

/// One line for each message.
fn said(fields: Value) -> Vec<String> {
    let (messages, _) = chat(fields);
    messages.iter().map(|message| format!("{}: {}", message.role, message.content)).collect()
}

#[test]
fn the_least_that_is_needed() {
    let parsed = parsed(json!({}));
    assert_eq!(parsed.target.model.as_deref(), Some("m"));
    assert_eq!(parsed.request.tuning.max_new_tokens, Some(9));
    assert_eq!(parsed.request.enable_thinking, Some(false));
    assert_eq!(parsed.request.tool_choice, ToolChoice::Auto);
    assert!(!parsed.stream && parsed.ignored.is_empty());
    assert_eq!(parsed.thoughts, Thoughts::None);
    assert_eq!(said(json!({})), ["user: Hi"]);
}

#[test]
fn sampling_and_stops() {
    let fields = json!({
        "temperature": 0.5, "top_p": 0.25, "top_k": 40, "stop_sequences": ["END", "\n"],
        "stream": true
    });
    let parsed = parsed(fields);
    let tuning = parsed.request.tuning;
    assert_eq!((tuning.temperature, tuning.top_p, tuning.top_k), (Some(0.5), Some(0.25), Some(40)));
    assert_eq!(tuning.stop, ["END", "\n"]);
    assert!(parsed.stream);
}

#[test]
fn system_is_a_text_or_blocks() {
    assert_eq!(said(json!({"system": "Be brief."})), ["system: Be brief.", "user: Hi"]);
    let blocks = json!({"system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=a1b2c;"},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be kind."},
    ]});
    assert_eq!(said(blocks.clone()), ["system: Be brief.\nBe kind.", "user: Hi"]);
    assert_eq!(parsed(blocks).ignored, ["system[1].cache_control", "system[0]"]);
    assert_eq!(said(json!({"system": null})), ["user: Hi"]);
    assert_eq!(said(json!({"system": ""})), ["user: Hi"]);
}

#[test]
fn messages_of_one_speaker_become_one() {
    let fields = json!({"system": "One.", "messages": [
        {"role": "system", "content": "Two."},
        {"role": "user", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
        {"role": "assistant", "content": "d"},
        {"role": "assistant", "content": null},
        {"role": "developer", "content": "Three."},
        {"role": "user", "content": "e"},
    ]});
    let expected =
        ["system: One.\n\nTwo.", "user: a\n\nb\nc", "assistant: d", "system: Three.", "user: e"];
    assert_eq!(said(fields), expected);
}

#[test]
fn a_last_message_of_the_assistant_is_continued() {
    let turns = |last: Value| json!({"messages": [{"role": "user", "content": "Count."}, {"role": "assistant", "content": last}]});
    assert!(chat(turns(json!("One, two"))).1);
    assert!(chat(turns(json!([{"type": "text", "text": "One"}]))).1);
    let (messages, open) = chat(turns(json!("")));
    assert_eq!((messages.len(), open), (1, false));
    let call = json!([{"type": "tool_use", "id": "t", "name": "f", "input": {}}]);
    assert!(!chat(turns(call)).1);
    assert!(!chat(json!({})).1);
}

#[test]
fn uses_and_results_of_tools_keep_their_places() {
    let fields = json!({"messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Two cities.", "signature": ""},
            {"type": "text", "text": "Checking."},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
            {"type": "tool_use", "id": "toolu_2", "name": "weather"},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "3 °C"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true,
             "content": [{"type": "text", "text": "no"}, {"type": "text", "text": "city"}]},
            {"type": "tool_result", "tool_use_id": "toolu_3"},
            {"type": "text", "text": "And now?"},
        ]},
    ]});
    let (messages, open) = chat(fields);
    assert!(!open);
    let told = messages.iter().map(|message| {
        let calls = message.tool_calls.iter();
        let calls = calls.map(|call| (call.id.as_deref(), &*call.name, call.arguments.to_string()));
        let (id, name) = (message.tool_call_id.as_deref(), message.name.as_deref());
        let (reasoning, calls) = (message.reasoning.as_deref(), calls.collect::<Vec<_>>());
        format!("{}: {:?} {reasoning:?} {calls:?} {id:?} {name:?}", message.role, message.content)
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn only_results_are_no_message_of_the_user() {
    let fields = json!({"messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{\"a\": 1}"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": []}]},
    ]});
    let (messages, _) = chat(fields);
    assert_eq!(messages[0].tool_calls[0].arguments, json!({"a": 1}));
    let last = messages.last().unwrap();
    assert_eq!((messages.len(), last.role, last.name.as_deref()), (2, Role::Tool, Some("f")));
}

#[test]
fn documents_and_search_results_are_texts() {
    let fields = json!({"messages": [{"role": "user", "content": [
        {"type": "document", "title": "Notes", "citations": {"enabled": true},
         "source": {"type": "text", "media_type": "text/plain", "data": "One."}},
        {"type": "document", "source": {"type": "content", "content": "Two."}},
        {"type": "search_result", "title": "Page", "source": "https://example.com",
         "content": [{"type": "text", "text": "Three."}]},
    ]}]});
    assert_eq!(said(fields), ["user: Notes\nOne.\nTwo.\nPage\nhttps://example.com\nThree."]);
}

#[test]
fn what_is_unknown_is_ignored_by_name() {
    let fields = json!({
        "metadata": {"user_id": "u"}, "service_tier": "auto", "mood": 1,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"type": "web_search_20250305", "name": "web_search"},
                  {"name": "f", "input_schema": {"type": "object"}, "strict": true}],
        "messages": [
            {"role": "user", "content": [
                {"type": "container_upload", "file_id": "f"},
                {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]},
            {"role": "user", "content": "Hi"},
        ],
    });
    let mut ignored = parsed(fields).ignored;
    ignored.sort();
    insta::assert_snapshot!(ignored.join("\n"), @r"
    messages[0].content[0]
    messages[0].content[0].file_id
    messages[0].content[1].cache_control
    messages[1].content[0]
    messages[1].content[0].data
    metadata
    mood
    service_tier
    thinking.budget_tokens
    tools[0]
    tools[1].strict
    ");
}

#[test]
fn pictures_in_results_are_named_and_left_out() {
    let blocks = json!([
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "document", "source": {"type": "base64", "data": "AA=="}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Plain."}},
    ]);
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": blocks});
    let fields = || json!({"messages": [{"role": "user", "content": [result]}]});
    let (messages, _) = chat(fields());
    insta::assert_snapshot!(messages[0].content, @r"
    [an image, which this model cannot take]
    [a document, which this model cannot take]
    Plain.
    ");
    let at = |index: u8| format!("messages[0].content[0].content[{index}]");
    assert_eq!(parsed(fields()).ignored, [at(0), at(1)]);
}

#[test]
fn tools_and_choices() {
    let tools = json!([{"name": "f", "description": "Does it.", "input_schema": {"type": "object"}},
                       {"name": "g", "type": "custom"}]);
    let with = |choice: Value| parsed(json!({"tools": tools, "tool_choice": choice}));
    let auto = with(Value::Null);
    assert_eq!(auto.request.tools.len(), 2);
    let first = Tool {
        name: "f".into(),
        description: Some("Does it.".into()),
        parameters: Some(json!({"type": "object"})),
    };
    assert_eq!(auto.request.tools[0], first);
    let choice = |choice: Value| with(choice).request.tool_choice;
    assert_eq!(choice(json!({"type": "auto"})), ToolChoice::Auto);
    assert_eq!(choice(json!({"type": "any"})), ToolChoice::Required);
    assert_eq!(choice(json!({"type": "none"})), ToolChoice::None);
    assert_eq!(choice(json!({"type": "tool", "name": "g"})), ToolChoice::Function("g".into()));
    let single = with(json!({"type": "auto", "disable_parallel_tool_use": true}));
    assert!(single.request.one_call && single.ignored.is_empty());
}

#[test]
fn thinking_is_off_unless_asked_for() {
    let thinks = |thinking: Value| {
        let parsed = parsed(json!({ "thinking": thinking }));
        (parsed.request.enable_thinking.unwrap(), parsed.thoughts)
    };
    assert_eq!(thinks(Value::Null), (false, Thoughts::None));
    assert_eq!(thinks(json!({"type": "disabled"})), (false, Thoughts::None));
    assert_eq!(thinks(json!({"type": "adaptive"})), (true, Thoughts::All));
    let omitted = json!({"type": "enabled", "budget_tokens": 1024, "display": "omitted"});
    assert_eq!(thinks(omitted), (true, Thoughts::Place));
}

#[test]
fn formats_and_effort() {
    let schema = json!({"type": "object"});
    let format = json!({"type": "json_schema", "schema": schema});
    let expected = Format::JsonSchema { schema, strict: true };
    let new = parsed(json!({"output_config": {"format": format, "effort": "max"}}));
    assert_eq!(new.request.format, expected);
    assert_eq!(new.request.template_kwargs["reasoning_effort"], "high");
    assert_eq!(parsed(json!({ "output_format": format })).request.format, expected);
}

#[test]
fn counting_needs_no_limit() {
    let bytes = br#"{"messages": [{"role": "user", "content": "Hi"}]}"#;
    assert!(messages(bytes, Limit::Unused).unwrap().target.model.is_none());
    let error = messages(bytes, Limit::Required).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("max_tokens"));
    assert!(error.message.starts_with("max_tokens: Field required"), "{error}");
}

#[test]
fn names_are_those_of_the_wire() {
    let names = |fields: Value| {
        let names = parsed(fields).names;
        ["role", "enable_thinking", "max_new_tokens", "stop", "top_k"]
            .map(str::to_owned)
            .into_iter()
            .filter_map(|name| names.on_the_wire(name))
            .collect::<Vec<_>>()
    };
    let without = ["messages[0].role", "max_tokens", "stop_sequences", "top_k"];
    assert_eq!(names(json!({})), without);
    let with = ["messages[0].role", "thinking", "max_tokens", "stop_sequences", "top_k"];
    assert_eq!(names(json!({"thinking": {"type": "enabled"}})), with);
}

#[test]
fn refusals_name_the_field() {
    let user = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    let assistant = |block: Value| json!({"messages": [{"role": "assistant", "content": [block]}]});
    let faults = [
        json!({"messages": []}),
        json!({"messages": [{"role": "assistant", "content": ""}]}),
        json!({"messages": [{"role": "system", "content": "x"}]}),
        json!({"messages": "Hi"}),
        json!({"messages": [{"role": "robot", "content": "Hi"}]}),
        json!({"messages": [{"role": "user", "content": 5}]}),
        json!({"messages": [{"role": "user", "content": "a\0b"}]}),
        user(json!({"text": "Hi"})),
        user(json!({"type": "image", "source": {"type": "base64", "data": ""}})),
        user(json!({"type": "document", "source": {"type": "base64", "data": ""}})),
        user(json!({"type": "document"})),
        assistant(json!({"type": "tool_use", "id": "t", "input": {}})),
        assistant(json!({"type": "tool_use", "id": "t", "name": "f", "input": [1]})),
        assistant(json!({"type": "tool_use", "id": "t", "name": "f", "input": "x"})),
        json!({"max_tokens": "many"}),
        json!({"max_tokens": 1.5}),
        json!({"temperature": 3}),
        json!({"stop_sequences": "x"}),
        json!({"stop_sequences": ["a\0"]}),
        json!({"tools": [{"description": "nameless"}]}),
        json!({"tools": [{"name": "f", "input_schema": "x"}]}),
        json!({"tool_choice": {"type": "any"}}),
        json!({"tool_choice": {"type": "tool", "name": "f"}}),
        json!({"tool_choice": {"type": "some"}}),
        json!({"tool_choice": "auto"}),
        json!({"thinking": {"type": "deep"}}),
        json!({"output_config": {"format": {"type": "xml"}}}),
        json!({"output_config": {"format": {"type": "json_schema"}}}),
    ];
    let said: Vec<_> = faults.into_iter().map(refused).collect();
    insta::assert_snapshot!(said.join("\n"));
}

fn any_block() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-z]{0,3}".prop_map(|text| json!({"type": "text", "text": text})),
        "[a-z]{0,3}".prop_map(|text| json!({"type": "thinking", "thinking": text})),
        Just(json!({"type": "tool_use", "id": "t", "name": "f"})),
        Just(json!({"type": "tool_result", "tool_use_id": "t", "content": "r"})),
        Just(json!({"type": "new_kind"})),
    ]
}

proptest! {
    /// Templates want turns: nobody but tools speaks twice in a row, and no turn is empty.
    #[test]
    fn speakers_take_turns(
        turns in prop::collection::vec(
            ("user|assistant|system", prop::collection::vec(any_block(), 0..4)), 1..6),
    ) {
        let turns: Vec<_> = turns
            .into_iter()
            .map(|(role, content)| json!({"role": role, "content": content}))
            .collect();
        let Ok(parsed) = messages(&body(json!({ "messages": turns })), Limit::Required) else {
            return Ok(());
        };
        for pair in parsed.request.messages().windows(2) {
            prop_assert!(pair[0].role == Role::Tool || pair[0].role != pair[1].role, "{pair:?}");
        }
    }
}
