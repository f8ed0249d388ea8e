//! Tokenizer and facts of a loaded model.

use rkllm::TokenizeOptions;

use super::session;

#[test]
fn facts_of_the_model() {
    let model = session().model().unwrap();
    let info = model.info().unwrap();
    assert_eq!((info.vocab_size, info.embedding_size), (49_152, 576));
    assert_eq!((info.trained_context, info.context), (8192, 1024));
    let template = model.metadata("tokenizer.chat_template").unwrap().unwrap();
    assert!(template.contains("im_start"), "{template}");
    assert_eq!(model.metadata("no.such.key").unwrap(), None);
    let eos = info.eos.unwrap();
    assert!(model.end_tokens().unwrap().contains(&eos));
    assert_eq!(model.detokenize(&[eos], true).unwrap(), "<|im_end|>");
    let special = model.special_tokens().unwrap();
    let start = special.iter().find(|(_, text)| text == "<|im_start|>");
    assert_eq!(start.map(|(token, _)| *token), Some(1), "{special:?}");
    assert!(special.len() < 100, "only control tokens: {special:?}");
}

#[test]
fn text_comes_back_from_its_tokens() {
    let model = session().model().unwrap();
    for text in ["Hello, world!", "", " leading", "日本語 🙂 \u{301}", "<|im_end|>", "a\0b"] {
        let tokens = model.tokenize(text, TokenizeOptions::default()).unwrap();
        assert_eq!(model.detokenize(&tokens, true).unwrap(), text);
    }
    assert!(model.detokenize(&[i32::MAX], true).is_err());
    assert!(model.detokenize(&[-1], true).is_err());
}

#[test]
fn special_tokens_are_parsed_only_on_request() {
    let model = session().model().unwrap();
    let count = |parse_special| {
        let how = TokenizeOptions { parse_special, ..TokenizeOptions::default() };
        model.tokenize("<|im_end|>", how).unwrap().len()
    };
    assert_eq!(count(true), 1);
    assert!(count(false) > 1);
}

#[test]
fn the_tokenizer_works_while_a_run_is_under_way() {
    let mut session = session();
    let model = session.model().unwrap();
    let mut answer = session.generate("Tell me a story.").unwrap();
    answer.next().unwrap().unwrap();
    assert!(!model.tokenize("Hello", TokenizeOptions::default()).unwrap().is_empty());
    drop(answer);
    drop(session);
    assert!(model.info().is_ok(), "the model stays in memory as long as this does");
}
