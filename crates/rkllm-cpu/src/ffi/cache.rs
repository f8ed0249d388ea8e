//! `rkllm_clear_kv_cache`, `rkllm_get_kv_cache_size`, `rkllm_set_chat_template`.

use std::ffi::{c_char, c_int};

use rkllm_sys::v1_3::LLMHandle;

use super::{OK, guard, handles, read};
use crate::error::Error;
use crate::log;
use crate::prompt::FixedTexts;

pub(crate) unsafe extern "C" fn clear_kv_cache(
    handle: LLMHandle,
    keep_system_prompt: c_int,
    start_pos: *mut c_int,
    end_pos: *mut c_int,
) -> c_int {
    const NAME: &str = "rkllm_clear_kv_cache";
    guard(NAME, || {
        let engine = handles::find(handle)?;
        let mut session = engine.session(NAME)?;
        if start_pos.is_null() && end_pos.is_null() {
            session.clear(keep_system_prompt != 0)?;
            return Ok(OK);
        }
        // SAFETY: null or, as the ABI asks, one entry per input of a batch.
        let (starts, ends) = unsafe {
            let inputs = engine.inputs();
            (read::slice(start_pos, inputs, "start_pos")?, read::slice(end_pos, inputs, "end_pos")?)
        };
        let ranges: Vec<_> = starts.iter().copied().zip(ends.iter().copied()).collect();
        session.clear_ranges(&ranges)?;
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn get_kv_cache_size(
    handle: LLMHandle,
    cache_sizes: *mut c_int,
) -> c_int {
    const NAME: &str = "rkllm_get_kv_cache_size";
    guard(NAME, || {
        let engine = handles::find(handle)?;
        if cache_sizes.is_null() {
            return Err(Error::Null("cache_sizes"));
        }
        let size = |size| c_int::try_from(size).unwrap_or(c_int::MAX);
        let sizes: Vec<_> = engine.session(NAME)?.cached().into_iter().map(size).collect();
        // SAFETY: not null, and room for one entry per input of a batch.
        unsafe { read::copy_out(&sizes, (cache_sizes, sizes.len()), "cache_sizes")? };
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn set_chat_template(
    handle: LLMHandle,
    system_prompt: *const c_char,
    prompt_prefix: *const c_char,
    prompt_postfix: *const c_char,
) -> c_int {
    const NAME: &str = "rkllm_set_chat_template";
    guard(NAME, || {
        let engine = handles::find(handle)?;
        // SAFETY: null or NUL-terminated, as the ABI asks.
        let texts = unsafe {
            FixedTexts {
                system: read::text(system_prompt, "system_prompt")?.to_owned(),
                prefix: read::text(prompt_prefix, "prompt_prefix")?.to_owned(),
                postfix: read::text(prompt_postfix, "prompt_postfix")?.to_owned(),
            }
        };
        let mut session = engine.session(NAME)?;
        tell(&texts);
        session.set_template(texts);
        Ok(OK)
    })
}

fn tell(texts: &FixedTexts) {
    let one_line = |text: &str| text.replace('\n', "\\n");
    log::info("reset chat template:");
    log::info(format_args!("system_prompt: {}", one_line(&texts.system)));
    log::info(format_args!("prompt_prefix: {}", one_line(&texts.prefix)));
    log::info(format_args!("prompt_postfix: {}", one_line(&texts.postfix)));
    log::warning(
        "Calling rkllm_set_chat_template will disable the internal automatic chat template \
         parsing, including enable_thinking. Make sure your custom prompt is complete and valid.",
    );
}
