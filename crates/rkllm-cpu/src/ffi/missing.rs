//! Functions of the ABI that the embedded runtime does not have.

use std::ffi::{c_char, c_int};

use rkllm_sys::v1_3::{LLMHandle, RKLLMCrossAttnParam, RKLLMLoraAdapter};

use super::guard;
use crate::error::Error;

fn refuse(function: &'static str, what: &'static str) -> c_int {
    guard(function, || Err(Error::missing(function, what)))
}

pub(crate) unsafe extern "C" fn load_lora(_: LLMHandle, _: *mut RKLLMLoraAdapter) -> c_int {
    refuse("rkllm_load_lora", "LoRA adapters")
}

pub(crate) unsafe extern "C" fn load_prompt_cache(_: LLMHandle, _: *const c_char) -> c_int {
    refuse("rkllm_load_prompt_cache", "prompt cache files")
}

pub(crate) unsafe extern "C" fn release_prompt_cache(_: LLMHandle) -> c_int {
    refuse("rkllm_release_prompt_cache", "prompt cache files")
}

pub(crate) unsafe extern "C" fn set_function_tools(
    _: LLMHandle,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    refuse("rkllm_set_function_tools", "function tools")
}

pub(crate) unsafe extern "C" fn set_cross_attn_params(
    _: LLMHandle,
    _: *mut RKLLMCrossAttnParam,
) -> c_int {
    refuse("rkllm_set_cross_attn_params", "cross attention")
}
