//! A full context.

use crate::support::{Handle, prompt, tokens};

fn small(n_keep: i32) -> Handle {
    Handle::with(|param| {
        (param.max_context_len, param.ignore_eos_token, param.n_keep) = (64, true, n_keep);
    })
}

#[test]
fn a_kept_conversation_goes_on_beyond_the_context() {
    let handle = small(4);
    let input = handle.tokenize("Once upon a time there was a");
    let long = handle.run(&tokens(&input).keep().most(200));
    long.finish();
    assert_eq!(long.tokens().len(), 200);
    assert!(handle.cached() <= 64);
    let short = small(4).run(&tokens(&input).most(200));
    assert_eq!(short.tokens()[..], long.tokens()[..short.tokens().len()], "the same up to there");
    assert!(short.tokens().len() < 64, "without history the context is the end");
}

#[test]
fn old_turns_make_room_for_new_ones() {
    let handle = small(0);
    let word = handle.tokenize(" word")[0];
    handle.run(&tokens(&[word; 40]).keep().most(2)).finish();
    let before = handle.cached();
    let ran = handle.run(&tokens(&[word; 40]).keep().most(2));
    let evaluated = ran.finish().prefill_tokens;
    assert!(evaluated <= 42, "what stays of the history is not evaluated again: {evaluated}");
    assert!(handle.cached() <= 64 && before > 40);
    handle.run(&tokens(&[word; 60]).most(1)).finish();
}

#[test]
fn the_system_prompt_stays_unless_told_otherwise() {
    let handle = Handle::with(|param| (param.max_context_len, param.ignore_eos_token) = (96, true));
    handle.run(&prompt("Count.").keep().most(150)).finish();
    let handle_system = |handle: &Handle| {
        assert_eq!(crate::support::clear(handle.raw(), true, None), 0);
        handle.cached()
    };
    assert!(handle_system(&handle) > 15);
    let handle = small(0);
    handle.run(&prompt("Count.").keep().most(150)).finish();
    assert!(handle_system(&handle) < 5);
}

#[test]
fn an_endless_answer_has_an_end() {
    let handle = Handle::with(|param| {
        (param.max_context_len, param.max_new_tokens, param.ignore_eos_token) = (64, -1, true);
    });
    let ran = handle.run(&prompt("Count.").keep());
    ran.finish();
    assert_eq!(ran.tokens().len(), 64, "as many tokens as the context has positions");
}
