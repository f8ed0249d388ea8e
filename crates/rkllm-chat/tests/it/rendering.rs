//! Templates of the kinds that models come with, over the same conversations.
//!
//! The snapshots hold what Python's `jinja2` renders, set up as `transformers` does it.

use std::collections::BTreeMap;

use rkllm_chat::{
    Adaptation, ChatTemplate, DateTime, Error, Message, RenderOptions, SpecialTokens,
};
use serde_json::{Value, json};

pub(crate) fn template(source: &str) -> ChatTemplate {
    let special = SpecialTokens {
        bos: Some("<s>".to_owned()),
        eos: Some("</s>".to_owned()),
        control: Vec::new(),
    };
    ChatTemplate::parse(source, special).unwrap()
}

fn conversations() -> BTreeMap<String, Vec<Message>> {
    let all: BTreeMap<String, Vec<Value>> =
        serde_json::from_str(include_str!("conversations.json")).unwrap();
    let message = |value: &Value| {
        let role = value["role"].as_str().unwrap().parse().unwrap();
        Message::new(role, value["content"].as_str().unwrap())
    };
    all.into_iter().map(|(name, list)| (name, list.iter().map(message).collect())).collect()
}

fn options() -> RenderOptions {
    let now = DateTime::constant(2025, 3, 9, 14, 5, 7, 0);
    RenderOptions { now: Some(now), ..RenderOptions::default() }
}

fn render_all(source: &str, options: &RenderOptions) -> BTreeMap<String, Value> {
    let template = template(source);
    let render = |messages: Vec<Message>| match template.render(&messages, options) {
        Ok(prompt) if prompt.adapted.is_empty() => json!(prompt.text()),
        Ok(prompt) => json!({ "text": prompt.text(), "adapted": format!("{:?}", prompt.adapted) }),
        Err(Error::Raised { message }) => json!({ "raised": message }),
        Err(error) => panic!("{error}"),
    };
    conversations().into_iter().map(|(name, messages)| (name, render(messages))).collect()
}

macro_rules! check {
    ($name:ident, $options:expr) => {
        let source = include_str!(concat!("templates/", stringify!($name), ".jinja"));
        insta::assert_json_snapshot!(render_all(source, &$options));
    };
}

#[test]
fn smollm2() {
    check!(smollm2, options());
}

#[test]
fn smollm2_without_generation_prompt() {
    check!(smollm2, RenderOptions { add_generation_prompt: false, ..options() });
}

#[test]
fn llama3() {
    check!(llama3, options());
}

#[test]
fn gemma() {
    check!(gemma, options());
}

#[test]
fn mistral() {
    check!(mistral, options());
}

#[test]
fn qwen3() {
    check!(qwen3, options());
}

#[test]
fn qwen3_thinking() {
    check!(qwen3, RenderOptions { enable_thinking: Some(true), ..options() });
}

#[test]
fn qwen3_not_thinking() {
    check!(qwen3, RenderOptions { enable_thinking: Some(false), ..options() });
}

#[test]
fn constructs() {
    check!(constructs, options());
}

#[test]
fn a_system_text_that_a_template_leaves_out_is_merged() {
    let source = "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% endif %}\
                  {% endfor %}";
    let prompt = template(source).render(&conversations()["system"], &options()).unwrap();
    assert_eq!(prompt.adapted, [Adaptation::SystemMerged]);
    assert_eq!(prompt.text(), "[  Be brief.\n\n\n Hi there! \n]");
}

#[test]
fn nothing_is_rendered_from_nothing() {
    let error = template("x").render(&[], &options()).unwrap_err();
    assert!(matches!(error, Error::NoMessages));
}

#[test]
fn errors_name_the_line() {
    let error = ChatTemplate::parse("a\n{% if %}", SpecialTokens::default()).unwrap_err();
    assert!(error.to_string().contains("chat template:2"), "{error}");
    let failing = template("a\nb\n{{ messages.nope.role }}");
    let error = failing.render(&conversations()["question"], &options()).unwrap_err();
    assert!(matches!(error, Error::Render(_)));
    assert!(error.to_string().contains("chat template:3"), "{error}");
}

#[test]
fn the_clock_is_read_when_no_time_is_given() {
    let year = template("{{ strftime_now('%Y') | int >= 2025 }}");
    let prompt = year.render(&conversations()["question"], &RenderOptions::default()).unwrap();
    assert_eq!(prompt.text(), "True");
}
