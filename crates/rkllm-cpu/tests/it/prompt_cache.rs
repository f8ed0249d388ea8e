//! Prompt cache files.

use std::ffi::{CString, c_int};
use std::fs;

use rkllm_cpu::api;

use crate::support::{Ask, Handle, In, ask, prompt};

const FRANCE: &str = "What is the capital of France? Reply in one word.";

fn load(handle: &Handle, path: &str) -> c_int {
    let path = CString::new(path).expect("no NUL");
    // SAFETY: a NUL-terminated path.
    unsafe { (api().load_prompt_cache)(handle.raw().0, path.as_ptr()) }
}

fn release(handle: &Handle) -> c_int {
    // SAFETY: any handle is accepted.
    unsafe { (api().release_prompt_cache)(handle.raw().0) }
}

#[test]
fn a_saved_prompt_need_not_be_evaluated_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cache.bin").to_string_lossy().into_owned();
    let first = Handle::new();
    let saved = first.run(&Ask { save: Some(path.clone()), ..prompt(FRANCE) });
    let whole = saved.finish().prefill_tokens;
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no partial file");
    drop(first);

    let handle = Handle::new();
    assert_eq!(load(&handle, &path), 0);
    let same = handle.run(&prompt(FRANCE));
    assert_eq!((same.finish().prefill_tokens, same.tokens()), (1, saved.tokens()));

    let other = handle.run(&prompt("Hello, who are you?"));
    let part = other.finish().prefill_tokens;
    assert!((2..whole).contains(&part), "the system prompt is the same: {part}");
    assert_eq!(handle.run(&prompt(FRANCE)).finish().prefill_tokens, 1, "it is loaded still");

    assert_eq!(release(&handle), 0);
    assert_eq!(handle.cached(), 0);
    let fresh = handle.run(&prompt(FRANCE));
    assert_eq!((fresh.finish().prefill_tokens, fresh.tokens()), (whole, saved.tokens()));
    assert_eq!(release(&handle), 0, "nothing to release is no fault");
}

#[test]
fn files_that_are_no_prompt_cache() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let handle = Handle::new();
    let path = folder.path().join("good.bin").to_string_lossy().into_owned();
    handle.run(&Ask { save: Some(path.clone()), ..prompt(FRANCE) }).finish();
    let good = fs::read(&path).expect("saved");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [
        folder.path().join("missing.bin").to_string_lossy().into_owned(),
        folder.path().to_string_lossy().into_owned(),
        file("empty.bin", b""),
        file("text.bin", b"I am no prompt cache"),
        file("half.bin", &good[..good.len() / 2]),
        file("flipped.bin", &flipped),
    ] {
        assert_eq!(load(&handle, &bad), -1, "{bad}");
    }
    let small = Handle::with(|param| param.max_context_len = 32);
    assert_eq!(load(&small, &path), -1, "longer than the context");
    assert_eq!(load(&handle, &path), 0);

    let nowhere = folder.path().join("no/folder/cache.bin").to_string_lossy().into_owned();
    let ran = handle.run(&Ask { save: Some(nowhere), ..prompt(FRANCE) });
    assert_eq!(ran.code, -1, "told although the answer came");
    let rows = ask(In::Rows(vec![0.5; 576], 1));
    let ran = handle.run(&Ask { save: Some(path), ..rows.most(1) });
    assert_eq!(ran.code, -1, "embeddings cannot be compared with a prompt");
}

#[test]
fn a_file_of_another_model_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cache.bin").to_string_lossy().into_owned();
    let handle = Handle::new();
    handle.run(&Ask { save: Some(path.clone()), ..prompt("Hello.") }).finish();
    let (_folder, other) = crate::support::changed_model(|model| {
        let half = model.len() / 2;
        model[half..].iter_mut().step_by(1000).for_each(|byte| *byte ^= 1);
    });
    assert_eq!(load(&other, &path), -1);
    assert_eq!(load(&handle, &path), 0);
}
