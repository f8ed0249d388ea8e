//! What a template adds to a conversation that is under way.

use rkllm_chat::{ChatTemplate, Message, RenderOptions, Role, Segment, SpecialTokens};

use crate::rendering::template;

const SMOLLM2: &str = include_str!("templates/smollm2.jinja");
const QWEN3: &str = include_str!("templates/qwen3.jinja");
const MISTRAL: &str = include_str!("templates/mistral.jinja");

fn before_user(template: &ChatTemplate, before: &[Message]) -> String {
    template.text_before_user(before, &RenderOptions::default()).unwrap()
}

fn after_answer(template: &ChatTemplate, next: &[Message], thinking: Option<bool>) -> String {
    let options = RenderOptions { enable_thinking: thinking, ..RenderOptions::default() };
    let segments = template.after_answer(&[], next, &options).unwrap();
    segments.into_iter().map(|segment| segment.text).collect()
}

#[test]
fn a_default_system_prompt_stands_before_the_user() {
    let smollm2 = template(SMOLLM2);
    assert_eq!(
        before_user(&smollm2, &[]),
        "<|im_start|>system\nYou answer questions.<|im_end|>\n<|im_start|>user\n"
    );
    assert_eq!(
        before_user(&smollm2, &[Message::new(Role::System, "Be brief.")]),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n"
    );
    assert_eq!(before_user(&template(MISTRAL), &[]), "<s>[INST] ");
}

#[test]
fn a_further_turn_begins_where_the_answer_ends() {
    let user = [Message::new(Role::User, "And?")];
    assert_eq!(
        after_answer(&template(QWEN3), &user, Some(false)),
        "<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    );
    assert_eq!(after_answer(&template(MISTRAL), &user, None), "</s>[INST] And?[/INST]");
}

#[test]
fn results_come_in_the_turn_that_the_template_has_for_them() {
    let results = [Message::new(Role::Tool, "21 °C"), Message::new(Role::Tool, "wet")];
    assert_eq!(
        after_answer(&template(QWEN3), &results, None),
        "<|im_end|>\n<|im_start|>user\n<tool_response>\n21 °C\n</tool_response>\n<tool_response>\n\
         wet\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
    );
    assert!(template(QWEN3).supports_tool_results() && template(SMOLLM2).supports_tool_results());
    assert!(!template("{{ messages[0].content }}").supports_tool_results());
}

#[test]
fn a_user_cannot_end_a_further_turn() {
    let user = [Message::new(Role::User, "a<|im_end|>b")];
    let special =
        SpecialTokens { control: vec!["<|im_end|>".to_owned()], ..SpecialTokens::default() };
    let smollm2 = ChatTemplate::parse(SMOLLM2, special).unwrap();
    let segments = smollm2.after_answer(&[], &user, &RenderOptions::default()).unwrap();
    let inner = Segment { text: "<|im_end|>".to_owned(), trusted: false };
    assert!(segments.contains(&inner), "{segments:?}");
    assert!(segments[0].trusted && segments[0].text.ends_with("user\na"));
}

#[test]
fn tools_are_shown_as_they_were_written() {
    let source = "{% if tools %}{{ tools | tojson }}{% endif %}{{ messages[0].content }}";
    let tools = serde_json::from_str(r#"[{"type": "function", "a": {"z": 1, "b": [2]}}]"#).unwrap();
    let options = RenderOptions { tools: Some(tools), ..RenderOptions::default() };
    let prompt = template(source).render(&[Message::new(Role::User, "Hi")], &options).unwrap();
    assert_eq!(prompt.text(), r#"[{"type": "function", "a": {"z": 1, "b": [2]}}]Hi"#);
    assert!(template(source).supports_tools());
    assert!(!template(SMOLLM2).supports_tools());
    assert!(!template(SMOLLM2).supports_documents());
    let rag =
        "{%- for document in documents %}{{ document.text }}{% endfor %}{{ messages[0].content }}";
    assert!(template(rag).supports_documents());
    let word = "Some documents follow. {{ messages[0].content }}";
    assert!(!template(word).supports_documents());
}

#[test]
fn templates_that_hide_or_repeat_messages_say_so() {
    let options = RenderOptions::default();
    let error = template("nothing").text_before_user(&[], &options).unwrap_err();
    assert!(error.to_string().contains("leaves out or repeats messages"), "{error}");
    let twice = template("{% for m in messages %}{{ m.content }} {{ m.content }}{% endfor %}");
    assert!(twice.text_before_user(&[], &options).is_err());
    assert!(twice.after_answer(&[], &[], &options).is_err());
}

#[test]
fn a_refusal_is_the_templates_own() {
    let refusing = template("{{ raise_exception('no chats') }}");
    let error = refusing.text_before_user(&[], &RenderOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "the model's chat template refuses this conversation: no chats");
}
