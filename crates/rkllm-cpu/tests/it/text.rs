//! Whole characters only.

use rkllm_sys::v1_3::{RKLLM_RUN_NORMAL, RKLLM_RUN_WAITING};

use crate::support::{Handle, prompt, tokens};

/// A prompt that the model continues by the same character, of several tokens.
fn smile(handle: &Handle, most: i32) -> crate::support::Ran {
    handle.run(&tokens(&handle.tokenize(&"😀".repeat(12))).most(most))
}

#[test]
fn a_character_of_several_tokens_comes_whole() {
    let handle = Handle::new();
    let per_character = handle.tokenize("😀").len();
    assert!(per_character > 1, "the test needs a character of several tokens");
    let ran = smile(&handle, 2 * per_character as i32);
    ran.finish();
    assert_eq!(ran.text(), "😀😀");
    assert_eq!(ran.count(RKLLM_RUN_NORMAL), 2);
    assert_eq!(ran.count(RKLLM_RUN_WAITING), 2 * (per_character - 1));
    for event in ran.events.iter().filter(|event| event.state == RKLLM_RUN_WAITING) {
        assert_eq!(event.text, "");
        assert!(event.token >= 0, "the id is told nevertheless");
    }
}

#[test]
fn a_character_cut_off_by_the_limit_is_marked() {
    let handle = Handle::new();
    let ran = smile(&handle, 1);
    ran.finish();
    assert_eq!(ran.text(), "\u{FFFD}");
    assert_eq!((ran.count(RKLLM_RUN_NORMAL), ran.count(RKLLM_RUN_WAITING)), (1, 0));
}

#[test]
fn a_character_cut_off_by_an_abort_is_marked() {
    let handle = Handle::new();
    let raw = handle.raw();
    let input = tokens(&handle.tokenize(&"😀".repeat(12)));
    let ran = handle.run_with(&input, &mut |_| {
        crate::support::abort(raw);
        0
    });
    ran.finish();
    assert_eq!(ran.tokens().len(), 1);
    assert_eq!(ran.text(), "\u{FFFD}");
}

#[test]
fn prompts_may_be_in_any_language() {
    let handle = Handle::new();
    for text in ["Repeat: 🙂🙂🙂", "你好，你是谁？", "Où est la bibliothèque ?", "שלום"]
    {
        handle.run(&prompt(text).most(12)).finish();
    }
}
