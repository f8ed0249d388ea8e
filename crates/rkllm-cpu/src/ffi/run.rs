//! `rkllm_run`, `rkllm_run_async`, `rkllm_abort`, `rkllm_is_running`.

use std::ffi::{c_char, c_int, c_void};
use std::path::PathBuf;

use rkllm_sys::v1_3::{
    LLMHandle, RKLLM_INFER_GENERATE, RKLLM_INFER_GET_LAST_HIDDEN_LAYER, RKLLM_INFER_GET_LOGITS,
    RKLLMInferMode, RKLLMInferParam, RKLLMInput,
};

use super::{OK, guard, handles, input::read_input, read};
use crate::engine::{Engine, Run};
use crate::error::Error;
use crate::generation::Numbers;
use crate::log;
use crate::request::Request;
use crate::sampling::Sampling;

const RUN: &str = "rkllm_run";
const RUN_ASYNC: &str = "rkllm_run_async";

pub(crate) unsafe extern "C" fn run(
    handle: LLMHandle,
    input: *mut RKLLMInput,
    params: *mut RKLLMInferParam,
    userdata: *mut c_void,
) -> c_int {
    // SAFETY: the caller passes null or valid pointers, as the ABI asks.
    run_here(handle, userdata, |engine| unsafe { request(engine, input, params) })
}

pub(crate) unsafe extern "C" fn run_async(
    handle: LLMHandle,
    input: *mut RKLLMInput,
    params: *mut RKLLMInferParam,
    userdata: *mut c_void,
) -> c_int {
    // SAFETY: the caller passes null or valid pointers, as the ABI asks.
    run_elsewhere(handle, userdata, |engine| unsafe { request(engine, input, params) })
}

/// Runs what `request` reads, on this thread.
pub(super) fn run_here(
    handle: LLMHandle,
    userdata: *mut c_void,
    request: impl FnOnce(&Engine) -> Result<Request, Error>,
) -> c_int {
    guard(RUN, || {
        let engine = handles::find(handle)?;
        let sink = engine.sink(userdata);
        Run::begin(engine, RUN, sink, request)?.work()?;
        Ok(OK)
    })
}

/// Runs what `request` reads, on a thread of its own.
pub(super) fn run_elsewhere(
    handle: LLMHandle,
    userdata: *mut c_void,
    request: impl FnOnce(&Engine) -> Result<Request, Error>,
) -> c_int {
    guard(RUN_ASYNC, || {
        let engine = handles::find(handle)?;
        let sink = engine.sink(userdata);
        let run = Run::begin(engine, RUN_ASYNC, sink, request)?;
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
pub(super) unsafe fn request(
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
    let width = engine.model().input_size();
    let defaults = engine.defaults();
    // SAFETY: not null, and the caller's promise: there are as many inputs as the handle takes.
    // `RKLLMInferParam` holds no type that has invalid values.
    unsafe {
        let inputs: Result<_, _> =
            (0..engine.inputs()).map(|index| read_input(input.add(index), width)).collect();
        let params = params.read();
        let sampling = match params.sampling_params.as_ref() {
            Some(param) => Sampling::from(*param).check()?,
            None => defaults.sampling,
        };
        let lora = params.lora_params.as_ref().map(|param| param.lora_adapter_name);
        let save = params
            .prompt_cache_params
            .as_ref()
            .filter(|param| param.save_prompt_cache != 0)
            .map(|param| param.prompt_cache_path);
        let limits = [params.max_new_tokens, defaults.max_new_tokens];
        Ok(Request {
            inputs: inputs?,
            numbers: numbers(params.mode)?,
            keep_history: params.keep_history != 0,
            max_new_tokens: most(&limits),
            sampling,
            lora: lora.map(|name| lora_name(name)).transpose()?,
            save: save.map(|path| save_path(path, engine)).transpose()?,
        })
    }
}

/// The first limit that is one.
fn most(limits: &[i32]) -> Option<usize> {
    limits.iter().find(|&&limit| limit > 0).and_then(|&limit| limit.try_into().ok())
}

fn numbers(mode: RKLLMInferMode) -> Result<Option<Numbers>, Error> {
    match mode {
        RKLLM_INFER_GENERATE => Ok(None),
        RKLLM_INFER_GET_LAST_HIDDEN_LAYER => Ok(Some(Numbers::Hidden)),
        RKLLM_INFER_GET_LOGITS => Ok(Some(Numbers::Logits)),
        other => Err(Error::UnknownValue { name: "mode", value: i64::from(other) }),
    }
}

/// # Safety
///
/// `name` must be null or NUL-terminated.
unsafe fn lora_name(name: *const c_char) -> Result<String, Error> {
    // SAFETY: the caller's promise.
    Ok(unsafe { read::text(name, "lora_adapter_name")? }.to_owned())
}

/// # Safety
///
/// `path` must be null or NUL-terminated.
unsafe fn save_path(path: *const c_char, engine: &Engine) -> Result<PathBuf, Error> {
    const DEFAULT: &str = "./prompt_cache.bin";
    if engine.inputs() > 1 {
        return Err(Error::PromptCacheBatch);
    }
    if path.is_null() {
        log::info(format_args!("prompt_cache_save_path is null, save prompt cache to {DEFAULT}"));
        return Ok(PathBuf::from(DEFAULT));
    }
    // SAFETY: not null, and the caller's promise.
    Ok(PathBuf::from(unsafe { read::text(path, "prompt_cache_path")? }))
}
