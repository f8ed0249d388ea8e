//! Wrong files, wrong parameters, wrong calls: -1, no callback, and the process lives.

use std::fs;
use std::ptr;

use rkllm_cpu::{api, ext_api};
use rkllm_sys::v1_3::{
    RKLLMInferParam, RKLLMInput, RKLLMLoraParam, RKLLMParam, RKLLMSamplingParam,
};

use crate::support::{
    Ask, Handle, Raw, abort, destroy, init, is_running, model_path, param, prompt, sampling, tokens,
};

#[test]
fn files_that_are_no_model() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = fs::read(model_path()).expect("the test model");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path.to_string_lossy().into_owned()
    };
    for path in [
        folder.path().join("missing.gguf").to_string_lossy().into_owned(),
        folder.path().to_string_lossy().into_owned(),
        file("empty.gguf", b""),
        file("text.gguf", b"I am not a model"),
        file("model.rkllm", b"RKLLM"),
        file("head.gguf", &model[..100]),
        file("metadata.gguf", &model[..100_000]),
        file("half.gguf", &model[..model.len() / 2]),
        String::new(),
    ] {
        assert!(init(&path, param()).is_err(), "{path}");
    }
}

#[test]
fn parameters_that_no_model_can_follow() {
    let refused = |change: fn(&mut RKLLMParam)| {
        let mut param = param();
        change(&mut param);
        init(&model_path().to_string_lossy(), param).is_err()
    };
    assert!(refused(|p| p.max_context_len = 8193));
    assert!(refused(|p| p.n_keep = 512));
    assert!(refused(|p| p.extend_param.n_batch = 0));
    assert!(refused(|p| p.extend_param.n_batch = 101));
    assert!(refused(|p| p.extend_param.enabled_cpus_num = -1));
    assert!(refused(|p| p.extend_param.enabled_cpus_mask = 0b11));
    assert!(refused(|p| p.extend_param.use_cross_attn = 1));
    assert!(refused(|p| p.top_p = f32::NAN));
    assert!(refused(|p| p.temperature = f32::INFINITY));
    assert!(refused(|p| p.mirostat = -1));
    assert!(!refused(|p| p.max_context_len = 8192), "the limit itself is accepted");
}

#[test]
fn null_pointers_at_init() {
    let mut handle = ptr::null_mut();
    let mut param = param();
    // SAFETY: null pointers are what is tested.
    unsafe {
        let init = api().init;
        assert_eq!(init(ptr::null_mut(), &raw mut param, ptr::null_mut()), -1);
        assert_eq!(init(&raw mut handle, ptr::null_mut(), ptr::null_mut()), -1);
        assert_eq!(init(&raw mut handle, &raw mut param, ptr::null_mut()), -1, "null model_path");
    }
    assert!(handle.is_null());
}

#[test]
fn handles_that_are_none() {
    for raw in [ptr::null_mut(), ptr::without_provenance_mut(usize::MAX)] {
        let handle = Raw(raw);
        assert_eq!((destroy(handle), abort(handle), is_running(handle)), (-1, -1, -1));
        let code = prompt("Hello.").lend(|input, params| {
            // SAFETY: the structs are valid; the handle is what is tested.
            unsafe { (api().run)(raw, input, params, ptr::null_mut()) }
        });
        assert_eq!(code, -1);
        // SAFETY: the handle is looked up before anything is written.
        assert_eq!(unsafe { (ext_api().set_seed)(raw, 1) }, -1);
    }
}

/// Runs with changed structs; nothing must be delivered.
fn code_of(handle: &Handle, change: impl FnOnce(&mut RKLLMInput, &mut RKLLMInferParam)) -> i32 {
    prompt("Hello.").lend(|input, params| {
        // SAFETY: the structs are valid. A callback would fail on its null userdata.
        unsafe {
            change(&mut *input, &mut *params);
            (api().run)(handle.raw().0, input, params, ptr::null_mut())
        }
    })
}

#[test]
fn runs_that_cannot_be() {
    let handle = Handle::new();
    let mut lora = RKLLMLoraParam { lora_adapter_name: c"a".as_ptr() };
    assert_eq!(code_of(&handle, |_, p| p.mode = 99), -1);
    assert_eq!(code_of(&handle, |_, p| p.lora_params = &raw mut lora), -1);
    assert_eq!(code_of(&handle, |i, _| i.input_type = 77), -1);
    assert_eq!(code_of(&handle, |i, _| i.role = c"tool".as_ptr()), -1);
    assert_eq!(code_of(&handle, |i, _| i.role = c"system".as_ptr()), -1);
    assert_eq!(code_of(&handle, |i, _| i.value.prompt_input = ptr::null()), -1);
    assert_eq!(code_of(&handle, |i, _| i.value.prompt_input = c"\xFF".as_ptr()), -1);
    // SAFETY: null pointers are what is tested.
    unsafe {
        let run = api().run;
        assert_eq!(run(handle.raw().0, ptr::null_mut(), ptr::null_mut(), ptr::null_mut()), -1);
    }
    assert_refused(&handle, &tokens(&[]));
    assert_refused(&handle, &tokens(&[1, -1]));
    assert_refused(&handle, &tokens(&[49_152]));
    let impossible = RKLLMSamplingParam { top_p: -1.0, ..sampling() };
    assert_refused(&handle, &prompt("Hello.").sampled(impossible));

    let null_role = Ask { role: None, ..prompt("Hello.") };
    handle.run(&null_role.most(2)).finish();
}

fn assert_refused(handle: &Handle, ask: &Ask) {
    let ran = handle.run(ask);
    assert_eq!((ran.code, ran.events.len()), (-1, 0), "{ask:?}");
}

#[test]
fn prompts_longer_than_the_context() {
    let handle = Handle::with(|param| param.max_context_len = 64);
    let word = handle.tokenize(" word")[0];
    assert_refused(&handle, &tokens(&[word; 65]));
    handle.run(&tokens(&[word; 64])).finish();
    assert_refused(&handle, &prompt(&"word ".repeat(100)));

    handle.clear();
    handle.run(&tokens(&[word; 40]).keep().most(4)).finish();
    assert_refused(&handle, &tokens(&[word; 65]));
}

#[test]
fn null_pointers_for_extras() {
    let handle = Handle::new();
    let (raw, null) = (handle.raw().0, ptr::null());
    // SAFETY: null pointers are what is tested.
    unsafe {
        assert_eq!((api().load_lora)(raw, ptr::null_mut()), -1);
        assert_eq!((api().load_prompt_cache)(raw, null), -1);
        assert_eq!((api().set_function_tools)(raw, null, null, null), -1);
        assert_eq!((api().set_cross_attn_params)(raw, ptr::null_mut()), -1, "not available");
    }
}

#[test]
fn booleans_may_hold_any_byte() {
    let handle = Handle::with(|param| {
        // SAFETY: the byte is inside the struct, which is only passed on.
        unsafe { (&raw mut param.skip_special_token).cast::<u8>().write(0xA5) };
    });
    let code = prompt("Hello.").most(1).lend(|input, params| {
        // SAFETY: as above; the run is refused for its role after the flag was read or not.
        unsafe {
            (&raw mut (*input).enable_thinking).cast::<u8>().write(0xA5);
            (*input).role = c"nobody".as_ptr();
            (api().run)(handle.raw().0, input, params, ptr::null_mut())
        }
    });
    assert_eq!(code, -1);
}
