//! The fixed texts around a turn.

use rkllm_chat::{ChatTemplate, Error, TurnTexts};

use crate::rendering::template;

fn turn_texts(source: &str, enable_thinking: Option<bool>) -> TurnTexts {
    template(source).turn_texts(enable_thinking).unwrap()
}

fn reason(template: &ChatTemplate) -> &'static str {
    match template.turn_texts(None).unwrap_err() {
        Error::NoTurnTexts { reason } => reason,
        error => panic!("{error}"),
    }
}

#[test]
fn a_default_system_prompt_is_part_of_the_head() {
    let turn = turn_texts(include_str!("templates/smollm2.jinja"), None);
    assert_eq!(
        turn.head,
        "<|im_start|>system\nYou answer questions.<|im_end|>\n<|im_start|>user\n"
    );
    assert_eq!(turn.postfix, "<|im_end|>\n<|im_start|>assistant\n");
    assert_eq!(turn.between, "<|im_end|>\n<|im_start|>user\n");
}

#[test]
fn thinking_off_closes_the_thought_in_the_postfix() {
    let turn = turn_texts(include_str!("templates/qwen3.jinja"), Some(false));
    assert_eq!(turn.postfix, "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
    assert_eq!(turn.between, "<|im_end|>\n<|im_start|>user\n");
}

#[test]
fn a_template_without_generation_prompt_has_turns_as_well() {
    let turn = turn_texts(include_str!("templates/mistral.jinja"), None);
    assert_eq!((turn.head.as_str(), turn.postfix.as_str()), ("<s>[INST] ", "[/INST]"));
    assert_eq!(turn.between, "</s>[INST] ");
}

#[test]
fn templates_without_fixed_texts_say_why() {
    let last_only = template("{{ messages[-1].content }}");
    assert_eq!(reason(&last_only), "it leaves out or reorders messages");
    let reversed = template("{% for m in messages[::-1] %}{{ m.content }}{% endfor %}");
    assert_eq!(reason(&reversed), "it leaves out or reorders messages");
    let twice = template("{% for m in messages %}{{ m.content }} {{ m.content }}{% endfor %}");
    assert_eq!(reason(&twice), "it repeats messages");
    let counting =
        template("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}");
    assert_eq!(reason(&counting), "the text before the first message changes as the chat goes on");
    let numbered = template("{% for m in messages %}{{ m.content }}{{ loop.index }}{% endfor %}");
    assert_eq!(reason(&numbered), "the text after a user's message changes as the chat goes on");
}

#[test]
fn a_refusal_is_the_templates_own() {
    let error = template("{{ raise_exception('no chats') }}").turn_texts(None).unwrap_err();
    assert_eq!(error.to_string(), "the model's chat template refuses this conversation: no chats");
}
