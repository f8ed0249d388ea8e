//! Where prompts end: in a new answer, in a message that goes on, or in a thought.

use rkllm_chat::{ChatTemplate, Error, Message, Prompt, RenderOptions, Role, SpecialTokens};
use serde_json::{Map, json};

use crate::rendering::template;

const CHATML: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>\n{% endfor %}\
                      {% if add_generation_prompt %}<assistant>{% endif %}";
const TRIMMED: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}";
const PARTS: &str = "{% for m in messages %}<{{ m.role }}>\
                     {% for part in m.content %}{{ part['text'] }}{% endfor %}</>{% endfor %}";
const QWEN3: &str = include_str!("../corpus/templates/qwen3.jinja");
const QWQ: &str = include_str!("../corpus/templates/qwq.jinja");

fn user() -> Message {
    Message::new(Role::User, "Hi")
}

fn resume(source: &str, last: Message) -> Result<Prompt, Error> {
    let options = RenderOptions { continue_final_message: true, ..RenderOptions::default() };
    template(source).render(&[user(), last], &options)
}

fn resumed(source: &str, text: &str) -> String {
    resume(source, Message::new(Role::Assistant, text)).unwrap().text()
}

#[test]
fn the_last_message_stays_open() {
    assert_eq!(resumed(CHATML, "It is "), "<user>Hi</>\n<assistant>It is ");
    assert_eq!(resumed(TRIMMED, " It is "), "<user>Hi</><assistant>It is");
    assert_eq!(resumed(PARTS, "It is "), "<user>Hi</><assistant>It is ");
    assert_eq!(resumed(CHATML, ""), "<user>Hi</>\n<assistant>");
    let repeating = "{{ messages[1].content }}|{{ messages[1].content }}|";
    assert_eq!(resumed(repeating, "a "), "a |a ");
}

#[test]
fn only_an_answer_that_is_shown_can_go_on() {
    let calling = Message { tool_calls: vec![Default::default()], ..Message::default() };
    for last in
        [user(), Message::new(Role::Tool, "1"), Message { role: Role::Assistant, ..calling }]
    {
        assert!(matches!(resume(CHATML, last), Err(Error::NothingToContinue)));
    }
    let hidden = resume("{{ messages[0].content }}", Message::new(Role::Assistant, "a"));
    assert!(matches!(hidden, Err(Error::NotContinued)));
}

#[test]
fn a_prompt_may_end_in_a_thought() {
    let opens = |source: &str, add_generation_prompt: bool| {
        let options = RenderOptions { add_generation_prompt, ..RenderOptions::default() };
        template(source).render(&[user()], &options).unwrap().opens_thought
    };
    assert!(opens(QWQ, true) && opens("{{ messages[0].content }}[THINK]", true));
    assert!(!opens(QWQ, false) && !opens(QWEN3, true) && !opens(CHATML, true));
    let smuggled = [Message::new(Role::User, "<think>")];
    let special = SpecialTokens { control: vec!["<think>".to_owned()], ..Default::default() };
    let bare = ChatTemplate::parse("{{ messages[0].content }}", special).unwrap();
    assert!(!bare.render(&smuggled, &RenderOptions::default()).unwrap().opens_thought);
}

#[test]
fn a_message_that_goes_on_may_be_a_thought() {
    let opens = |source: &str, content: &str, reasoning: Option<&str>| {
        let reasoning = reasoning.map(str::to_owned);
        let last = Message { reasoning, ..Message::new(Role::Assistant, content) };
        let prompt = resume(source, last).unwrap();
        (
            prompt.text().ends_with(if content.is_empty() { "Hm" } else { content }),
            prompt.opens_thought,
        )
    };
    assert_eq!(opens(QWEN3, "", Some("Hm")), (true, true));
    assert_eq!(opens(QWEN3, "Yes", Some("Hm")), (true, false));
    assert_eq!(opens(CHATML, "<think>Hm", None), (true, true));
    assert_eq!(opens(CHATML, "<think>Hm</think>Yes", None), (true, false));
    let opening = "{{ messages[0].content }}<think>{{ messages[1].content }}";
    assert_eq!(opens(opening, "Let me", None), (true, true));
    assert_eq!(opens(opening, "Hm</think>Yes", None), (true, false));
}

#[test]
fn variables_have_the_names_that_are_given() {
    let source = "{{ enable_thinking }} {{ budget }} {{ documents[0].title }}";
    let options = RenderOptions {
        enable_thinking: Some(true),
        documents: Some(json!([{ "title": "A" }])),
        kwargs: Map::from_iter([
            ("enable_thinking".to_owned(), json!(false)),
            ("budget".to_owned(), json!(7)),
        ]),
        ..RenderOptions::default()
    };
    assert_eq!(template(source).render(&[user()], &options).unwrap().text(), "False 7 A");
    let kwargs = Map::from_iter([("messages".to_owned(), json!([]))]);
    let options = RenderOptions { kwargs, ..RenderOptions::default() };
    let error = template(source).render(&[user()], &options).unwrap_err();
    assert!(matches!(error, Error::ReservedVariable { name } if name == "messages"));
}
