//! `rkllm_run`, `rkllm_run_async`, `rkllm_abort`, `rkllm_is_running`.

use std::ffi::{c_int, c_void};

use rkllm_sys::v1_3::{
    LLMHandle, RKLLM_INFER_GENERATE, RKLLM_INFER_GET_LAST_HIDDEN_LAYER, RKLLM_INFER_GET_LOGITS,
    RKLLM_INPUT_EMBED, RKLLM_INPUT_MULTIMODAL, RKLLM_INPUT_PROMPT, RKLLM_INPUT_TOKEN,
    RKLLMInferMode, RKLLMInferParam, RKLLMInput,
};

use super::{OK, guard, handles, read};
use crate::engine::{Engine, Run};
use crate::error::Error;
use crate::request::{Input, Request};
use crate::sampling::Sampling;

const RUN: &str = "rkllm_run";
const RUN_ASYNC: &str = "rkllm_run_async";

pub(crate) unsafe extern "C" fn run(
    handle: LLMHandle,
    input: *mut RKLLMInput,
    params: *mut RKLLMInferParam,
    userdata: *mut c_void,
) -> c_int {
    guard(RUN, || {
        let engine = handles::find(handle)?;
        // SAFETY: the caller passes null or valid pointers, as the ABI asks.
        let request = unsafe { request(&engine, input, params)? };
        let sink = engine.sink(userdata);
        Run::begin(engine, RUN, (request, sink))?.work()?;
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn run_async(
    handle: LLMHandle,
    input: *mut RKLLMInput,
    params: *mut RKLLMInferParam,
    userdata: *mut c_void,
) -> c_int {
    guard(RUN_ASYNC, || {
        let engine = handles::find(handle)?;
        // SAFETY: the caller passes null or valid pointers, as the ABI asks.
        let request = unsafe { request(&engine, input, params)? };
        let sink = engine.sink(userdata);
        let run = Run::begin(engine, RUN_ASYNC, (request, sink))?;
        run.work_elsewhere(|run| {
            // The code has no receiver any more: the callback was told.
            let _: c_int = guard(RUN_ASYNC, || run.work().map(|()| OK));
        })?;
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn abort(handle: LLMHandle) -> c_int {
    guard("rkllm_abort", || handles::find(handle)?.abort().map(|()| OK))
}

pub(crate) unsafe extern "C" fn is_running(handle: LLMHandle) -> c_int {
    guard("rkllm_is_running", || Ok(c_int::from(handles::find(handle)?.is_running())))
}

/// # Safety
///
/// The pointers must be null or valid with all that they lead to, as the ABI asks.
unsafe fn request(
    engine: &Engine,
    input: *const RKLLMInput,
    params: *const RKLLMInferParam,
) -> Result<Request, Error> {
    if input.is_null() {
        return Err(Error::Null("rkllm_input"));
    }
    if params.is_null() {
        return Err(Error::Null("rkllm_infer_params"));
    }
    // SAFETY: not null, and the caller's promise. `RKLLMInferParam` holds no type that has
    // invalid values.
    let (input, params) = unsafe { (read_input(input)?, params.read()) };
    check_mode(params.mode)?;
    if !params.lora_params.is_null() {
        return Err(Error::missing(RUN, "LoRA adapters"));
    }
    // SAFETY: null, or valid by the caller's promise.
    let cache_param = unsafe { params.prompt_cache_params.as_ref() };
    if cache_param.is_some_and(|param| param.save_prompt_cache != 0) {
        return Err(Error::missing(RUN, "saving a prompt cache"));
    }
    let defaults = engine.defaults();
    // SAFETY: null, or valid by the caller's promise.
    let sampling = match unsafe { params.sampling_params.as_ref() } {
        Some(param) => Sampling::from(*param).check()?,
        None => defaults.sampling,
    };
    let limits = [params.max_new_tokens, defaults.max_new_tokens];
    Ok(Request {
        input,
        keep_history: params.keep_history != 0,
        max_new_tokens: limits.into_iter().find(|&limit| limit > 0).and_then(|n| n.try_into().ok()),
        sampling,
    })
}

fn check_mode(mode: RKLLMInferMode) -> Result<(), Error> {
    match mode {
        RKLLM_INFER_GENERATE => Ok(()),
        RKLLM_INFER_GET_LAST_HIDDEN_LAYER => Err(Error::missing(RUN, "the last hidden layer")),
        RKLLM_INFER_GET_LOGITS => Err(Error::missing(RUN, "logits")),
        other => Err(Error::UnknownValue { name: "mode", value: i64::from(other) }),
    }
}

/// # Safety
///
/// `input` must be valid, with what its set member of the union points to.
unsafe fn read_input(input: *const RKLLMInput) -> Result<Input, Error> {
    // SAFETY: valid, by the caller's promise; the member read is the one that the type names.
    unsafe {
        match (*input).input_type {
            RKLLM_INPUT_PROMPT => {
                if !(*input).role.is_null() {
                    check_role(read::text((*input).role, "role")?)?;
                }
                let text = read::text((*input).value.prompt_input, "prompt_input")?.to_owned();
                Ok(Input::Prompt {
                    text,
                    thinking: read::flag(&raw const (*input).enable_thinking),
                })
            }
            RKLLM_INPUT_TOKEN => {
                let tokens = (*input).value.token_input;
                let ids = read::slice(tokens.input_ids, tokens.n_tokens, "input_ids")?;
                Ok(Input::Tokens(ids.to_vec()))
            }
            RKLLM_INPUT_EMBED => Err(Error::missing(RUN, "embedding input")),
            RKLLM_INPUT_MULTIMODAL => Err(Error::missing(RUN, "multimodal input")),
            other => Err(Error::UnknownValue { name: "input_type", value: i64::from(other) }),
        }
    }
}

fn check_role(role: &str) -> Result<(), Error> {
    match role {
        "user" => Ok(()),
        "tool" => Err(Error::missing(RUN, "the role \"tool\"")),
        other => Err(Error::Role(other.to_owned())),
    }
}
