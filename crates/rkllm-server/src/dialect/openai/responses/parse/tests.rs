use serde_json::{Value, json};

use super::super::output::{Kind, Output, Status};
use super::super::response::{Draft, Progress};
use super::*;

fn body(more: Value) -> Vec<u8> {
    let mut body = json!({"model": "m", "input": "hi"});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    body.to_string().into_bytes()
}

fn read(more: Value) -> (Request, Parsed) {
    let mut parsed = parse(&body(more), &Shelf::default()).unwrap();
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
    assert_eq!(parsed.show, Show { summary: true });
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

/// Keeps an answer to `hi`, with thoughts and a call in it.
fn kept() -> Shelf {
    let shelf = Shelf::default();
    let first = json!({"instructions": "be brief"});
    let Parsed { echo, show, keep, .. } = parse(&body(first), &shelf).unwrap();
    let draft = Draft { id: "resp_1".to_owned(), created_at: 0, echo };
    let mut output = Output::new("resp_1", show);
    let call = Kind::Call { id: "call_1".to_owned(), name: "time".to_owned() };
    for (kind, text) in [(Kind::Thought, "Hm."), (Kind::Text, "Hello!"), (call, "{}")] {
        output.begin(kind).text = text.to_owned();
        output.complete(Status::Completed);
    }
    keep.unwrap().put(&draft.response(Progress::Begun, &output), &output);
    shelf
}

#[test]
fn an_answer_that_was_kept_is_continued_without_its_instructions() {
    let shelf = kept();
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
fn items_that_were_kept_can_be_referred_to() {
    let refer = |id: &str| json!({"type": "item_reference", "id": id});
    let items = json!({"input": [{"role": "user", "content": "hi"}, refer("rs_10"),
        refer("msg_11"), refer("fc_12"), refer("msg_19"), refer("msg_20"), refer("x"),
        {"type": "function_call_output", "call_id": "call_1", "output": "noon"}]});
    let shelf = kept();
    let mut parsed = parse(&body(items), &shelf).unwrap();
    let request = parsed.asked.series.next().unwrap();
    let [_, turn, result] = request.messages() else { panic!("{request:?}") };
    let mut earlier = shelf.conversation("resp_1").unwrap();
    assert_eq!(earlier.pop().as_ref(), Some(turn));
    assert_eq!(result.name.as_deref(), Some("time"));
    assert_eq!(parsed.asked.ignored, ["input[4]", "input[5]", "input[6]"]);
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
        let Err(error) = parse(&body(more.clone()), &Shelf::default()) else {
            panic!("{more} is accepted")
        };
        let message = error.message.split("; send for example").next().unwrap_or_default();
        format!("{} {:?}: {message}", error.param.as_deref().unwrap_or("-"), error.code)
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}
