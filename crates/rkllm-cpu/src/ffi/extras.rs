//! LoRA adapters, prompt cache files, function tools, cross attention.

use std::ffi::{c_char, c_int};
use std::path::Path;

use rkllm_sys::v1_3::{LLMHandle, RKLLMCrossAttnParam, RKLLMLoraAdapter};

use super::{OK, guard, handles, read};
use crate::error::Error;
use crate::lora::LoraFile;
use crate::tools::Tools;

pub(crate) unsafe extern "C" fn load_lora(
    handle: LLMHandle,
    lora_adapter: *mut RKLLMLoraAdapter,
) -> c_int {
    const NAME: &str = "rkllm_load_lora";
    guard(NAME, || {
        let engine = handles::find(handle)?;
        // SAFETY: null or valid, as the ABI asks.
        let adapter = unsafe { lora_adapter.as_ref() }.ok_or(Error::Null("RKLLMLoraAdapter"))?;
        // SAFETY: null or NUL-terminated, as the ABI asks.
        let file = unsafe {
            LoraFile {
                path: read::c_str(adapter.lora_adapter_path, "lora_adapter_path")?.to_owned(),
                name: read::text(adapter.lora_adapter_name, "lora_adapter_name")?.to_owned(),
                scale: adapter.scale,
            }
        };
        engine.session(NAME)?.load_lora(file)?;
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn load_prompt_cache(
    handle: LLMHandle,
    prompt_cache_path: *const c_char,
) -> c_int {
    const NAME: &str = "rkllm_load_prompt_cache";
    guard(NAME, || {
        let engine = handles::find(handle)?;
        // SAFETY: null or NUL-terminated, as the ABI asks.
        let path = unsafe { read::text(prompt_cache_path, "prompt_cache_path")? };
        engine.session(NAME)?.load_prompt_cache(Path::new(path))?;
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn release_prompt_cache(handle: LLMHandle) -> c_int {
    const NAME: &str = "rkllm_release_prompt_cache";
    guard(NAME, || {
        handles::find(handle)?.session(NAME)?.release_prompt_cache();
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn set_function_tools(
    handle: LLMHandle,
    system_prompt: *const c_char,
    tools: *const c_char,
    tool_response_str: *const c_char,
) -> c_int {
    const NAME: &str = "rkllm_set_function_tools";
    guard(NAME, || {
        let engine = handles::find(handle)?;
        // SAFETY: null or NUL-terminated, as the ABI asks.
        let tools = unsafe {
            let system = read::text(system_prompt, "system_prompt")?;
            let functions = read::text(tools, "tools")?;
            Tools::new(system, functions, read::text(tool_response_str, "tool_response_str")?)?
        };
        engine.session(NAME)?.set_tools(tools)?;
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn set_cross_attn_params(
    handle: LLMHandle,
    _: *mut RKLLMCrossAttnParam,
) -> c_int {
    guard("rkllm_set_cross_attn_params", || {
        handles::find(handle)?;
        Err(Error::CrossAttention)
    })
}
