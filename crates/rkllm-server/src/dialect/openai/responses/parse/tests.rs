use std::sync::Arc;

use serde_json::{Value, json};

use super::super::store::Store;
use super::*;

fn shelf() -> Shelf {
    Shelf { store: Arc::new(Store::default()), owner: None }
}

fn body(more: Value) -> Vec<u8> {
    let mut body = json!({"model": "m", "input": "hi"});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    body.to_string().into_bytes()
}

fn read(more: Value) -> (Request, Parsed) {
    let mut parsed = parse(&body(more), &shelf()).unwrap();
    (parsed.asked.series.next().unwrap(), parsed)
}

#[test]
fn every_field_reaches_the_request_and_the_echo() {
    let (request, parsed) = read(json!({
        "instructions": "be brief", "max_output_tokens": 5, "temperature": 0.5, "top_p": 0.9,
        "truncation": "auto", "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "json_schema", "name": "x", "strict": true,
            "schema": {"type": "object"}}},
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "tool_choice": "required", "parallel_tool_calls": false, "store": false, "stream": true,
        "metadata": {"topic": "x"},
    }));
    insta::assert_json_snapshot!("request", request);
    insta::assert_json_snapshot!("echo", parsed.echo);
    assert_eq!(parsed.show, Show { summary: true, one_call: true });
    assert!(parsed.keep.is_none() && parsed.asked.stream.is_some());
    assert!(parsed.asked.ignored.is_empty(), "{:?}", parsed.asked.ignored);
}

#[test]
fn null_is_absent() {
    let (request, parsed) = read(json!({
        "instructions": null, "previous_response_id": null, "conversation": null,
        "background": null, "store": null, "stream": null, "max_output_tokens": null,
        "temperature": null, "top_p": null, "top_logprobs": null, "truncation": null,
        "tools": null, "tool_choice": null, "parallel_tool_calls": null, "text": null,
        "reasoning": {"effort": null, "summary": null}, "metadata": null,
    }));
    let input = Input::chat(vec![Message::new(Role::User, "hi")]);
    assert_eq!(request, Request { input, ..Request::default() });
    assert!(parsed.keep.is_some() && parsed.asked.stream.is_none());
    assert_eq!(parsed.show, Show::default());
    assert!(parsed.asked.ignored.is_empty(), "{:?}", parsed.asked.ignored);
}

#[test]
fn what_has_no_effect_goes_by_its_name_in_the_body() {
    let (_, parsed) = read(json!({
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "x", "user": "u",
        "text": {"verbosity": "low"}, "stream_options": {"include_obfuscation": false},
        "tools": [{"type": "web_search"}],
    }));
    let mut ignored = parsed.asked.ignored;
    ignored.sort();
    assert_eq!(
        ignored,
        ["include", "prompt_cache_key", "stream_options", "text.verbosity", "tools[0]", "user"]
    );
    let names = ["max_new_tokens", "format", "overflow", "role", "template_kwargs"];
    let names = names.map(|field| parsed.asked.names.wire(field).to_owned());
    insta::assert_snapshot!(names.join(" "), @"max_output_tokens text.format truncation input reasoning.effort");
}

#[test]
fn an_answer_that_was_kept_is_continued_without_its_instructions() {
    let shelf = shelf();
    let first = json!({"instructions": "be brief"});
    let Parsed { echo, show, keep, .. } = parse(&body(first), &shelf).unwrap();
    let draft = super::super::Draft { id: "resp_1".to_owned(), created_at: 0, echo };
    let mut output = super::super::Output::new("resp_1", show);
    output.begin(super::super::output::Kind::Text).text = "Hello!".to_owned();
    keep.unwrap().put(&draft.response(super::super::Progress::Begun, &output), &output);
    let next = json!({"previous_response_id": "resp_1", "instructions": "be kind",
        "input": [{"role": "user", "content": "and?"}]});
    let mut parsed = parse(&body(next), &shelf).unwrap();
    let request = parsed.asked.series.next().unwrap();
    let said: Vec<_> =
        request.messages().iter().map(|message| (message.role, &*message.content)).collect();
    let expected = [
        (Role::System, "be kind"),
        (Role::User, "hi"),
        (Role::Assistant, "Hello!"),
        (Role::User, "and?"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn every_fault_is_named() {
    let said: Vec<_> = [
        json!({"model": null}),
        json!({"input": null}),
        json!({"input": []}),
        json!({"input": 5}),
        json!({"input": "a\u{0}"}),
        json!({"input": [{"role": "robot", "content": "hi"}]}),
        json!({"input": [{"role": "user", "content": 5}]}),
        json!({"instructions": "a\u{0}"}),
        json!({"previous_response_id": "resp_x"}),
        json!({"conversation": "conv_1"}),
        json!({"background": true}),
        json!({"top_logprobs": 2}),
        json!({"max_output_tokens": 0}),
        json!({"temperature": 3}),
        json!({"truncation": "some"}),
        json!({"tool_choice": "required"}),
        json!({"text": {"format": {"type": "xml"}}}),
        json!({"text": {"format": {"type": "json_schema", "name": "x"}}}),
        json!({"text": {"format": {"type": "json_schema", "name": "x", "schema": []}}}),
        json!({"reasoning": {"summary": "long"}}),
    ]
    .into_iter()
    .map(|more| {
        let Err(error) = parse(&body(more.clone()), &shelf()) else { panic!("{more} is accepted") };
        let message = error.message.split("; send for example").next().unwrap_or_default();
        format!("{} {:?}: {message}", error.param.as_deref().unwrap_or("-"), error.code)
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}
