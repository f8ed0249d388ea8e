//! The runtime through the structs of ABI generation 1.2.1.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;

use rkllm_cpu::{api_1_2_1, ext_api};
use rkllm_sys::v1_2_1::{
    LLMCallState, LLMHandle, RKLLM_INFER_GENERATE, RKLLM_INFER_GET_LAST_HIDDEN_LAYER,
    RKLLM_INPUT_MULTIMODAL, RKLLM_INPUT_PROMPT, RKLLM_INPUT_TOKEN, RKLLM_RUN_FINISH,
    RKLLMInferMode, RKLLMInferParam, RKLLMInput, RKLLMInputValue, RKLLMMultiModalInput,
    RKLLMResult, RKLLMTokenInput,
};

use crate::support::{Handle, model_path};

#[derive(Debug, Default)]
struct Ran {
    text: String,
    states: Vec<LLMCallState>,
    /// Tokens evaluated for the prompt.
    prefill: c_int,
    hidden: c_int,
}

unsafe extern "C" fn record(
    result: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) -> c_int {
    // SAFETY: every run passes a live `Ran`, and results are valid with a text.
    unsafe {
        let ran = &mut *userdata.cast::<Ran>();
        ran.text += CStr::from_ptr((*result).text).to_str().expect("UTF-8");
        ran.prefill = (*result).perf.prefill_tokens;
        ran.hidden += (*result).last_hidden_layer.num_tokens;
        ran.states.push(state);
    }
    0
}

#[derive(Debug)]
struct Old(LLMHandle);

impl Drop for Old {
    fn drop(&mut self) {
        // SAFETY: any handle is accepted.
        unsafe { (api_1_2_1().destroy)(self.0) };
    }
}

fn init() -> Old {
    let path = CString::new(model_path().to_string_lossy().as_ref()).expect("no NUL");
    let mut handle = ptr::null_mut();
    // SAFETY: the pointers are valid during the calls.
    unsafe {
        let mut param = (api_1_2_1().create_default_param)();
        assert_eq!((param.top_k, param.repeat_penalty), (40, 1.1));
        param.model_path = path.as_ptr();
        (param.max_context_len, param.max_new_tokens, param.top_k) = (512, 12, 1);
        (param.img_start, param.img_end) = (c"[[".as_ptr(), c"]]".as_ptr());
        param.extend_param.enabled_cpus_num = 1;
        assert_eq!((api_1_2_1().init)(&raw mut handle, &raw mut param, None), -1, "no callback");
        assert_eq!((api_1_2_1().init)(&raw mut handle, &raw mut param, Some(record)), 0);
    }
    Old(handle)
}

fn run(old: &Old, (input_type, value): (u32, RKLLMInputValue), mode: RKLLMInferMode) -> Ran {
    let mut ran = Ran::default();
    let mut input = RKLLMInput { role: ptr::null(), enable_thinking: false, input_type, value };
    let mut params = RKLLMInferParam {
        mode,
        lora_params: ptr::null_mut(),
        prompt_cache_params: ptr::null_mut(),
        keep_history: 0,
    };
    // SAFETY: the structs live until the run has ended.
    let code = unsafe {
        let userdata = (&raw mut ran).cast();
        (api_1_2_1().run)(old.0, &raw mut input, &raw mut params, userdata)
    };
    assert_eq!((code, ran.states.last()), (0, Some(&RKLLM_RUN_FINISH)));
    ran
}

#[test]
fn programs_of_the_older_generation_get_answers() {
    let old = init();
    let value = RKLLMInputValue { prompt_input: c"What is the capital of France?".as_ptr() };
    let ran = run(&old, (RKLLM_INPUT_PROMPT, value), RKLLM_INFER_GENERATE);
    assert!(ran.text.contains("Paris"), "{}", ran.text);
    assert!(ran.prefill > 20);
}

#[test]
fn the_tags_of_images_come_from_init() {
    let old = init();
    let newer = Handle::new();
    // SAFETY: NUL-terminated texts.
    unsafe {
        let none = c"".as_ptr();
        assert_eq!((api_1_2_1().set_chat_template)(old.0, none, none, none), 0);
    }
    let mut rows = vec![0.1; 2 * 576];
    let multimodal_input = RKLLMMultiModalInput {
        prompt: c"What is <image>?".as_ptr().cast_mut(),
        image_embed: rows.as_mut_ptr(),
        n_image_tokens: 2,
        n_image: 1,
        image_width: 0,
        image_height: 0,
    };
    let value = RKLLMInputValue { multimodal_input };
    let ran = run(&old, (RKLLM_INPUT_MULTIMODAL, value), RKLLM_INFER_GENERATE);
    let texts = newer.tokenize("What is [[").len() + newer.tokenize("]]?").len();
    assert_eq!(ran.prefill as usize, texts + 2);
}

#[test]
fn hidden_states_and_extensions_work_as_in_the_newer_generation() {
    let old = init();
    // SAFETY: the room has no entries, so none is written.
    assert!(unsafe { (ext_api().end_tokens)(old.0, ptr::null_mut(), 0) } > 0);
    let mut ids = [10, 20, 30];
    let token_input = RKLLMTokenInput { input_ids: ids.as_mut_ptr(), n_tokens: ids.len() };
    let value = RKLLMInputValue { token_input };
    let ran = run(&old, (RKLLM_INPUT_TOKEN, value), RKLLM_INFER_GET_LAST_HIDDEN_LAYER);
    assert_eq!(ran.hidden, 3);
}
