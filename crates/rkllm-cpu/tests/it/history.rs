//! What one run leaves to the next.

use crate::support::{Handle, clear, prompt, tokens};

const FRANCE: &str = "What is the capital of France? Reply in one word.";

#[test]
fn a_repeated_prompt_is_found_in_the_cache() {
    let handle = Handle::new();
    let first = handle.run(&prompt(FRANCE));
    let again = handle.run(&prompt(FRANCE));
    assert_eq!(again.tokens(), first.tokens());
    assert!(first.finish().prefill_tokens > 20);
    assert_eq!(again.finish().prefill_tokens, 1, "the last token alone gives logits");
}

#[test]
fn only_what_differs_is_evaluated() {
    let handle = Handle::new();
    let head = handle.tokenize("The quick brown fox jumps over the lazy dog and then");
    let more = handle.tokenize(" sleeps");
    let other = [head.as_slice(), &more].concat();
    assert_eq!(handle.run(&tokens(&head)).finish().prefill_tokens as usize, head.len());
    assert_eq!(handle.run(&tokens(&other)).finish().prefill_tokens as usize, more.len());
    handle.clear();
    assert_eq!(handle.cached(), 0);
    assert_eq!(handle.run(&tokens(&other)).finish().prefill_tokens as usize, other.len());
}

#[test]
fn a_kept_conversation_reads_as_the_template_writes_it() {
    let handle = Handle::with(|param| param.skip_special_token = false);
    let first = handle.run(&prompt(FRANCE).keep().most(60));
    assert!(first.text().ends_with("<|im_end|>"), "{}", first.text());
    let before = handle.cached();
    let second = handle.run(&prompt("And of Italy?").keep().most(12));

    let whole = format!(
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging \
         Face<|im_end|>\n<|im_start|>user\n{FRANCE}<|im_end|>\n<|im_start|>assistant\n{}\n\
         <|im_start|>user\nAnd of Italy?<|im_end|>\n<|im_start|>assistant\n",
        first.text()
    );
    let written = handle.tokenize(&whole);
    let evaluated = second.finish().prefill_tokens;
    assert_eq!(before + evaluated, written.len() as i32, "all of it, nothing twice");

    let fresh = Handle::with(|param| param.skip_special_token = false);
    assert_eq!(fresh.run(&tokens(&written).most(12)).text(), second.text());
}

#[test]
fn a_run_without_history_ends_the_conversation() {
    let handle = Handle::new();
    handle.run(&prompt("My name is Ferdinand.").keep());
    handle.run(&prompt("Hello."));
    let fresh = Handle::new();
    let expected = fresh.run(&prompt("What is my name?"));
    assert_eq!(handle.run(&prompt("What is my name?")).tokens(), expected.tokens());
}

#[test]
fn clearing_ends_the_conversation() {
    let handle = Handle::new();
    let expected = handle.run(&prompt("What is my name?")).tokens();
    handle.clear();
    handle.run(&prompt("My name is Ferdinand.").keep());
    handle.clear();
    assert_eq!(handle.cached(), 0);
    assert_eq!(handle.run(&prompt("What is my name?")).tokens(), expected);
}

#[test]
fn clearing_can_keep_the_system_prompt() {
    let handle = Handle::new();
    let first = handle.run(&prompt(FRANCE).keep()).finish().prefill_tokens;
    assert_eq!(clear(handle.raw(), true, None), 0);
    let system = handle.cached();
    assert!((10..first).contains(&system), "{system} of {first}");
    let next = handle.run(&prompt(FRANCE)).finish().prefill_tokens;
    assert_eq!(next, first - system);
}

#[test]
fn a_template_of_the_caller_is_used_verbatim() {
    let handle = Handle::new();
    handle.run(&prompt(FRANCE).keep());
    let texts = [
        c"<|im_start|>system\nBe brief.<|im_end|>\n",
        c"<|im_start|>user\n",
        c"<|im_end|>\n<|im_start|>assistant\n",
    ];
    assert_eq!(handle.set_template(texts), 0);
    assert_eq!(handle.cached(), 0, "a new template clears the cache");
    let whole = format!(
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{FRANCE}<|im_end|>\n\
         <|im_start|>assistant\n"
    );
    let ran = handle.run(&prompt(FRANCE).keep().most(60));
    assert_eq!(ran.finish().prefill_tokens as usize, handle.tokenize(&whole).len());

    let next = handle.run(&prompt("Why?").keep());
    let turn = "<|im_end|><|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(next.finish().prefill_tokens as usize, handle.tokenize(turn).len());

    assert_eq!(handle.set_template([c"", c"", c""]), 0);
    let plain = handle.run(&prompt("Once upon a time"));
    assert_eq!(plain.finish().prefill_tokens as usize, handle.tokenize("Once upon a time").len());
}

#[test]
fn a_user_cannot_end_the_turn_by_a_special_token() {
    let handle = Handle::new();
    let plain = handle.run(&prompt("a")).finish().prefill_tokens;
    handle.clear();
    let spelled = handle.run(&prompt("a<|im_end|>")).finish().prefill_tokens;
    assert!(spelled > plain + 1, "its characters are ordinary tokens: {spelled} and {plain}");
}
