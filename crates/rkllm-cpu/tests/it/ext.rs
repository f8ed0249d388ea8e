//! The extension functions.

use std::ffi::CStr;
use std::ptr;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rkllm_cpu::ext_api;
use rkllm_sys::ext::{LLMHandle, RKLLM_EXT_ADD_SPECIAL, RKLLMExtModelInfo};

use crate::support::Handle;

fn tokenize(handle: LLMHandle, text: &[u8], flags: u32, room: &mut [i32]) -> i64 {
    let (text, length) = (text.as_ptr().cast(), text.len());
    // SAFETY: text and room have the lengths passed.
    unsafe { (ext_api().tokenize)(handle, text, length, flags, room.as_mut_ptr(), room.len()) }
}

fn detokenize(handle: LLMHandle, tokens: &[i32], special: bool) -> Result<String, i64> {
    let call = |room: &mut [u8]| {
        let (text, capacity) = (room.as_mut_ptr().cast(), room.len());
        // SAFETY: tokens and room have the lengths passed.
        unsafe {
            let (ids, count) = (tokens.as_ptr(), tokens.len());
            (ext_api().detokenize)(handle, ids, count, special, text, capacity)
        }
    };
    let length = usize::try_from(call(&mut [])).map_err(|_| -1_i64)?;
    let mut bytes = vec![0; length];
    assert_eq!(call(&mut bytes), length as i64);
    Ok(String::from_utf8(bytes).expect("whole text"))
}

fn metadata(handle: LLMHandle, key: &CStr) -> Option<String> {
    // SAFETY: a NUL-terminated key, and room as passed.
    let call = |room: &mut [u8]| unsafe {
        (ext_api().metadata)(handle, key.as_ptr(), room.as_mut_ptr().cast(), room.len())
    };
    let length = usize::try_from(call(&mut [])).ok()?;
    let mut value = vec![0; length];
    assert_eq!(call(&mut value), length as i64);
    Some(String::from_utf8(value).expect("UTF-8"))
}

#[test]
fn text_survives_its_tokens() {
    let handle = Handle::new();
    let raw = handle.raw().0;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let text = prop_oneof!["\\PC{0,60}", "[ a-z\n]{0,60}", any::<String>()];
    let same = runner.run(&text, |text| {
        let tokens = handle.tokenize(&text);
        let mut room = [];
        prop_assert_eq!(tokenize(raw, text.as_bytes(), 2, &mut room), tokens.len() as i64);
        prop_assert_eq!(detokenize(raw, &tokens, true).expect("valid ids"), text);
        Ok(())
    });
    same.expect("every text comes back");
}

#[test]
fn special_tokens_are_parsed_and_shown_on_request() {
    let handle = Handle::new();
    let raw = handle.raw().0;
    let mut room = [0; 16];
    assert_eq!(tokenize(raw, b"<|im_end|>", 2, &mut room), 1);
    let end = room[0];
    assert!(tokenize(raw, b"<|im_end|>", 0, &mut room) > 1);
    assert_eq!(detokenize(raw, &[end], true).expect("valid"), "<|im_end|>");
    assert_eq!(detokenize(raw, &[end], false).expect("valid"), "");
    assert!(tokenize(raw, b"a", RKLLM_EXT_ADD_SPECIAL, &mut room) >= 1);
}

#[test]
fn too_little_room_is_filled_and_the_need_told() {
    let handle = Handle::new();
    let all = handle.tokenize("one two three four");
    let mut room = [0; 2];
    assert_eq!(tokenize(handle.raw().0, b"one two three four", 2, &mut room), all.len() as i64);
    assert_eq!(room, all[..2]);
}

#[test]
fn what_is_no_text_and_no_token_is_refused() {
    let handle = Handle::new();
    let raw = handle.raw().0;
    assert_eq!(tokenize(raw, b"\xFF", 0, &mut []), -1);
    assert_eq!(tokenize(raw, b"a", 4, &mut []), -1);
    assert_eq!(detokenize(raw, &[-1], false), Err(-1));
    assert_eq!(detokenize(raw, &[i32::MAX], false), Err(-1));
    // SAFETY: a null text of length 0 is the empty text, of length 1 none.
    let null =
        |length| unsafe { (ext_api().tokenize)(raw, ptr::null(), length, 0, ptr::null_mut(), 0) };
    assert_eq!((null(0), null(1)), (0, -1));
}

#[test]
fn metadata_holds_the_chat_template() {
    let handle = Handle::new();
    let raw = handle.raw().0;
    let template = metadata(raw, c"tokenizer.chat_template").expect("the model has one");
    assert!(template.contains("<|im_start|>") && template.len() > 256);
    assert_eq!(metadata(raw, c"general.architecture").as_deref(), Some("llama"));
    assert_eq!(metadata(raw, c"no.such.key"), None);
}

#[test]
fn the_model_is_described_as_far_as_there_is_room() {
    let handle = Handle::new();
    let raw = handle.raw().0;
    let mut info = RKLLMExtModelInfo {
        size: size_of::<RKLLMExtModelInfo>() as u32,
        vocab_size: 0,
        embd_size: 0,
        context_train: 0,
        context: 0,
        bos_token: -7,
        eos_token: -7,
        add_bos: true,
        add_eos: true,
    };
    // SAFETY: the struct has the size that it tells.
    let call = |info: &mut RKLLMExtModelInfo| unsafe { (ext_api().model_info)(raw, info) };
    assert_eq!(call(&mut info), 0);
    assert_eq!((info.vocab_size, info.embd_size, info.context_train), (49_152, 576, 8192));
    assert_eq!((info.context, info.add_bos, info.add_eos), (512, false, false));
    assert_eq!(detokenize(raw, &[info.eos_token], true).expect("valid"), "<|im_end|>");

    let mut short = RKLLMExtModelInfo { size: 8, embd_size: -9, ..info };
    short.vocab_size = 0;
    assert_eq!(call(&mut short), 0);
    assert_eq!((short.size, short.vocab_size, short.embd_size), (8, 49_152, -9));
    assert_eq!(call(&mut RKLLMExtModelInfo { size: 3, ..info }), -1);
}

#[test]
fn the_special_tokens_have_text_on_request_only() {
    let handle = Handle::new();
    let raw = handle.raw().0;
    let mut room = [0; 64];
    // SAFETY: the room has the length passed.
    let count = unsafe { (ext_api().special_tokens)(raw, room.as_mut_ptr(), room.len()) };
    let found = &room[..usize::try_from(count).expect("some")];
    assert!(found.contains(&handle.tokenize("<|im_start|>")[0]));
    for &token in found {
        assert_eq!(detokenize(raw, &[token], false).as_deref(), Ok(""));
        assert_ne!(detokenize(raw, &[token], true).as_deref(), Ok(""));
    }
}

#[test]
fn the_end_tokens_end_answers() {
    let handle = Handle::new();
    let raw = handle.raw().0;
    let mut room = [0; 64];
    // SAFETY: the room has the length passed.
    let count = unsafe { (ext_api().end_tokens)(raw, room.as_mut_ptr(), room.len()) };
    let found = &room[..usize::try_from(count).expect("some")];
    assert!(found.contains(&handle.tokenize("<|im_end|>")[0]));
}
