//! `rkllm_createDefaultParam`, `rkllm_init`, `rkllm_destroy`.

use std::ffi::{CString, c_int};
use std::ptr;

use rkllm_sys::v1_3::{LLMHandle, RKLLMCallback, RKLLMExtendParam, RKLLMParam, RKLLMSamplingParam};

use super::{OK, guard, handles, read};
use crate::embedder::Embedder;
use crate::engine::{Callbacks, Engine};
use crate::error::Error;
use crate::options::{Cpus, Options, RunDefaults};
use crate::sampling::Sampling;
use crate::sink::Sink;
use crate::tokenizer::TokenizerCallback;

pub(crate) unsafe extern "C" fn create_default_param() -> RKLLMParam {
    let sampling = Sampling::DEFAULT;
    RKLLMParam {
        model_path: ptr::null(),
        max_context_len: 0,
        max_new_tokens: -1,
        top_k: sampling.top_k,
        n_keep: -1,
        top_p: sampling.top_p,
        temperature: sampling.temperature,
        repeat_penalty: sampling.repeat_penalty,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        mirostat: sampling.mirostat,
        mirostat_tau: sampling.mirostat_tau,
        mirostat_eta: sampling.mirostat_eta,
        skip_special_token: true,
        ignore_eos_token: false,
        is_async: false,
        extend_param: RKLLMExtendParam {
            base_domain_id: 0,
            embed_flash: 0,
            enabled_cpus_num: 0,
            enabled_cpus_mask: 0,
            n_batch: 1,
            use_cross_attn: 0,
            reserved: [0; 104],
        },
    }
}

pub(crate) unsafe extern "C" fn init(
    handle: *mut LLMHandle,
    param: *mut RKLLMParam,
    callback: *mut RKLLMCallback,
) -> c_int {
    guard("rkllm_init", || {
        if handle.is_null() {
            return Err(Error::Null("handle"));
        }
        // SAFETY: the caller passes null or valid pointers, as the ABI asks.
        let (options, callbacks) = unsafe { (options(param)?, callbacks(callback)?) };
        let engine = Engine::open(&options, callbacks)?;
        // SAFETY: not null, and the caller's room for a handle.
        unsafe { handle.write(handles::insert(engine)) };
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn destroy(handle: LLMHandle) -> c_int {
    guard("rkllm_destroy", || {
        handles::find(handle)?.close()?;
        handles::remove(handle);
        Ok(OK)
    })
}

/// # Safety
///
/// `param` must be null or point to an `RKLLMParam` whose strings are null or NUL-terminated.
pub(super) unsafe fn options(param: *const RKLLMParam) -> Result<Options, Error> {
    if param.is_null() {
        return Err(Error::Null("RKLLMParam"));
    }
    // SAFETY: valid, by the caller's promise. Only the fields named are read, the booleans as
    // bytes.
    unsafe {
        let extend = &raw const (*param).extend_param;
        let cpus = Cpus { count: (*extend).enabled_cpus_num, mask: (*extend).enabled_cpus_mask };
        let inputs = (*extend).n_batch;
        if !(1..=100).contains(&inputs) {
            return Err(Error::Batch(inputs));
        }
        if (*extend).use_cross_attn != 0 {
            return Err(Error::CrossAttention);
        }
        let sampling = RKLLMSamplingParam {
            top_k: (*param).top_k,
            top_p: (*param).top_p,
            temperature: (*param).temperature,
            repeat_penalty: (*param).repeat_penalty,
            frequency_penalty: (*param).frequency_penalty,
            presence_penalty: (*param).presence_penalty,
            mirostat: (*param).mirostat,
            mirostat_tau: (*param).mirostat_tau,
            mirostat_eta: (*param).mirostat_eta,
        };
        Ok(Options {
            version: crate::ABI_VERSION,
            image_tags: [CString::default(), CString::default()],
            path: read::c_str((*param).model_path, "model_path")?.to_owned(),
            max_context_len: (*param).max_context_len,
            n_keep: (*param).n_keep,
            cpus,
            inputs,
            runs: RunDefaults {
                max_new_tokens: (*param).max_new_tokens,
                sampling: Sampling::from(sampling).check()?,
                skip_special: read::flag(&raw const (*param).skip_special_token),
                ignore_end: read::flag(&raw const (*param).ignore_eos_token),
            },
        })
    }
}

/// # Safety
///
/// `callback` must be null or point to an `RKLLMCallback`.
unsafe fn callbacks(callback: *const RKLLMCallback) -> Result<Callbacks, Error> {
    if callback.is_null() {
        return Err(Error::Null("RKLLMCallback"));
    }
    // SAFETY: valid, by the caller's promise; it holds pointers only, which may be null.
    let callback = unsafe { callback.read() };
    let result_callback = callback.result_callback.ok_or(Error::Null("result_callback"))?;
    let (tokenizer_data, embed_data) = (callback.tokenizer_userdata, callback.embed_userdata);
    Ok(Callbacks {
        sink: Sink::new(result_callback, callback.result_userdata),
        tokenizer: callback
            .tokenizer_callback
            .map(|function| TokenizerCallback { function, userdata: tokenizer_data }),
        embedder: callback
            .embed_callback
            .map(|function| Embedder { function, userdata: embed_data }),
    })
}

impl From<RKLLMSamplingParam> for Sampling {
    fn from(param: RKLLMSamplingParam) -> Self {
        Self {
            top_k: param.top_k,
            top_p: param.top_p,
            temperature: param.temperature,
            repeat_penalty: param.repeat_penalty,
            frequency_penalty: param.frequency_penalty,
            presence_penalty: param.presence_penalty,
            mirostat: param.mirostat,
            mirostat_tau: param.mirostat_tau,
            mirostat_eta: param.mirostat_eta,
        }
    }
}
