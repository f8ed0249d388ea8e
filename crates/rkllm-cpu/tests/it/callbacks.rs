//! The caller's own tokenizer and embeddings.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::slice;

use rkllm_sys::v1_3::RKLLMCallback;

use crate::support::{Handle, init_with, model_path, no_callbacks, param, prompt, tokens};

/// What the callbacks were asked, and what they answer.
#[derive(Debug, Default)]
struct Asked {
    texts: Vec<String>,
    tokens: Vec<i32>,
    embedded: Vec<i32>,
    answer: Option<c_int>,
}

unsafe extern "C" fn tokenize(
    userdata: *mut c_void,
    text: *const c_char,
    length: i32,
    room: *mut i32,
    most: i32,
) -> c_int {
    // SAFETY: the handle was made with a live cell, which only its runs use.
    let mut asked = unsafe { &*userdata.cast::<RefCell<Asked>>() }.borrow_mut();
    // SAFETY: text and room have the lengths passed.
    let (text, room) = unsafe {
        let text = slice::from_raw_parts(text.cast::<u8>(), length as usize);
        (text, slice::from_raw_parts_mut(room, most as usize))
    };
    asked.texts.push(String::from_utf8(text.to_vec()).expect("UTF-8"));
    room[..asked.tokens.len()].copy_from_slice(&asked.tokens);
    asked.answer.unwrap_or(asked.tokens.len() as c_int)
}

unsafe extern "C" fn embed(
    userdata: *mut c_void,
    tokens: *mut i32,
    count: u64,
    room: *mut c_void,
    bytes: u64,
) -> c_int {
    // SAFETY: as above.
    let mut asked = unsafe { &*userdata.cast::<RefCell<Asked>>() }.borrow_mut();
    assert_eq!(bytes, count * 576 * 4);
    // SAFETY: tokens and room have the lengths passed.
    let (tokens, room) = unsafe {
        let tokens = slice::from_raw_parts(tokens, count as usize);
        (tokens, slice::from_raw_parts_mut(room.cast::<f32>(), count as usize * 576))
    };
    asked.embedded.extend_from_slice(tokens);
    for (row, token) in room.chunks_exact_mut(576).zip(tokens) {
        row[(*token % 576) as usize] = 1.0;
    }
    asked.answer.unwrap_or(0)
}

fn handle(asked: &RefCell<Asked>, [tokenizer, embedder]: [bool; 2]) -> Handle {
    let userdata = std::ptr::from_ref(asked).cast_mut().cast();
    let callback = RKLLMCallback {
        tokenizer_callback: if tokenizer { Some(tokenize) } else { None },
        tokenizer_userdata: userdata,
        embed_callback: if embedder { Some(embed) } else { None },
        embed_userdata: userdata,
        ..no_callbacks()
    };
    init_with(&model_path().to_string_lossy(), param(), callback).expect("the model loads")
}

#[test]
fn a_tokenizer_of_the_caller_gets_the_whole_prompt() {
    let asked = RefCell::new(Asked::default());
    let handle = handle(&asked, [true, false]);
    let input = handle.tokenize("The capital of France is");
    asked.borrow_mut().tokens.clone_from(&input);
    let ran = handle.run(&prompt("Hello <|im_end|>.").most(2));
    assert_eq!(ran.finish().prefill_tokens as usize, input.len());
    let expected = "<|im_start|>user\nHello <|im_end|>.<|im_end|>\n<|im_start|>assistant\n";
    assert!(asked.borrow().texts[0].ends_with(expected), "{:?}", asked.borrow().texts);
    let same = Handle::new().run(&tokens(&input).most(2));
    assert_eq!(ran.text(), same.text(), "text comes from the model's vocabulary");

    for answer in [-1, 1_000_000] {
        asked.borrow_mut().answer = Some(answer);
        let ran = handle.run(&prompt("Hello."));
        assert_eq!((ran.code, ran.events.len()), (-1, 0));
    }
    asked.replace(Asked { tokens: vec![49_152], ..Asked::default() });
    assert_eq!(handle.run(&prompt("Hello.")).code, -1, "not of the vocabulary");
}

#[test]
fn embeddings_of_the_caller_are_looked_up_for_every_token() {
    let asked = RefCell::new(Asked::default());
    let handle = handle(&asked, [false, true]);
    let input = handle.tokenize("The capital of France is");
    let ran = handle.run(&tokens(&input).most(3));
    ran.finish();
    let delivered = ran.tokens();
    assert_eq!(asked.borrow().embedded, [input.as_slice(), &delivered[..2]].concat());
    assert_ne!(delivered, Handle::new().run(&tokens(&input).most(3)).tokens());

    handle.clear();
    asked.borrow_mut().answer = Some(-7);
    let ran = handle.run(&tokens(&input));
    assert_eq!((ran.code, ran.count(rkllm_sys::v1_3::RKLLM_RUN_ERROR)), (-1, 1));
    asked.borrow_mut().answer = None;
    assert_eq!(handle.run(&tokens(&input).most(3)).tokens(), delivered, "nothing is left of it");
}
