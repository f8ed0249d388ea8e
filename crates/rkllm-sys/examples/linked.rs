//! Asks a model one question through the library that the program is linked with.
//!
//! ```sh
//! export RKLLM_LIB_DIR=/folder/of/librkllmrt.so LD_LIBRARY_PATH=$RKLLM_LIB_DIR
//! cargo run -p rkllm-sys --features link --example linked -- model.rkllm "Hello!"
//! ```

use std::error::Error;
use std::ffi::{CStr, CString, c_int, c_void};
use std::io::Write;

use rkllm_sys::v1_3::{
    Api, LLMCallState, LLMHandle, RKLLM_RUN_NORMAL, RKLLMCallback, RKLLMInferParam, RKLLMInput,
    RKLLMResult,
};

/// Prints the text of a token.
unsafe extern "C" fn print(result: *mut RKLLMResult, _: *mut c_void, state: LLMCallState) -> c_int {
    // SAFETY: the runtime passes null or a result that is valid until this function returns.
    let text = unsafe { result.as_ref() }.map_or(std::ptr::null(), |result| result.text);
    if state == RKLLM_RUN_NORMAL && !text.is_null() {
        // SAFETY: texts end in NUL.
        let text = unsafe { CStr::from_ptr(text) };
        // A closed pipe must not panic: the caller is C.
        let _ = std::io::stdout().write_all(text.to_bytes());
    }
    0
}

fn main() -> Result<(), Box<dyn Error>> {
    let [_, model, question] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err("usage: linked MODEL QUESTION".into());
    };
    let (model, question) = (CString::new(model.as_str())?, CString::new(question.as_str())?);
    // SAFETY: the library that this program is linked with is of generation 1.3.
    let api = unsafe { Api::linked() };
    // SAFETY: the function has no preconditions.
    let mut param = unsafe { (api.create_default_param)() };
    param.model_path = model.as_ptr();
    let mut callback = RKLLMCallback {
        result_callback: Some(print),
        result_userdata: std::ptr::null_mut(),
        tokenizer_callback: None,
        tokenizer_userdata: std::ptr::null_mut(),
        embed_callback: None,
        embed_userdata: std::ptr::null_mut(),
    };
    let mut handle: LLMHandle = std::ptr::null_mut();
    // SAFETY: all pointers are valid during the call.
    if unsafe { (api.init)(&mut handle, &mut param, &mut callback) } != 0 {
        return Err("the model cannot be loaded; the lines above say why".into());
    }
    // SAFETY: zeroes are a valid input, of type prompt, and valid parameters.
    let (mut input, mut infer): (RKLLMInput, RKLLMInferParam) = unsafe { std::mem::zeroed() };
    input.role = c"user".as_ptr();
    input.value.prompt_input = question.as_ptr();
    // SAFETY: the handle is of `init`, and the pointers are valid during the call.
    let status = unsafe { (api.run)(handle, &mut input, &mut infer, std::ptr::null_mut()) };
    // SAFETY: the run is over and the handle is not used again.
    unsafe { (api.destroy)(handle) };
    println!();
    if status == 0 { Ok(()) } else { Err("the run failed; the lines above say why".into()) }
}
