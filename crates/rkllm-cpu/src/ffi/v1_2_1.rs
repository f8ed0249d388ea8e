//! The functions whose structs differ in ABI generation 1.2.1, in terms of those of 1.3.

use std::ffi::{CString, c_int, c_void};
use std::mem::{align_of, offset_of, size_of};
use std::ptr;

use rkllm_sys::{v1_2_1, v1_3};

use super::{OK, extras, guard, handles, input, lifecycle, read, run};
use crate::engine::{Callbacks, Engine};
use crate::error::Error;
use crate::request::Request;
use crate::sink::{ResultCallback, Sink};

/// Fails to compile unless a struct is the same in both generations.
macro_rules! same {
    ($($name:ident { $($field:ident),* })*) => {
        $(const _: () = assert!(
            size_of::<v1_2_1::$name>() == size_of::<v1_3::$name>()
                && align_of::<v1_2_1::$name>() == align_of::<v1_3::$name>()
                $(&& offset_of!(v1_2_1::$name, $field) == offset_of!(v1_3::$name, $field))*
        );)*
    };
}

same! {
    RKLLMResult { text, token_id, last_hidden_layer, logits, perf }
    RKLLMResultLastHiddenLayer { hidden_states, embd_size, num_tokens }
    RKLLMResultLogits { logits, vocab_size, num_tokens }
    RKLLMPerfStat { prefill_time_ms, prefill_tokens, generate_time_ms, generate_tokens, memory_usage_mb }
    RKLLMLoraAdapter { lora_adapter_path, lora_adapter_name, scale }
    RKLLMLoraParam { lora_adapter_name }
    RKLLMPromptCacheParam { save_prompt_cache, prompt_cache_path }
    RKLLMCrossAttnParam { encoder_k_cache, encoder_v_cache, encoder_mask, encoder_pos, num_tokens }
    RKLLMExtendParam { base_domain_id, embed_flash, enabled_cpus_num, enabled_cpus_mask, n_batch, use_cross_attn }
}

pub(crate) unsafe extern "C" fn create_default_param() -> v1_2_1::RKLLMParam {
    // SAFETY: the function has no preconditions.
    let param = unsafe { lifecycle::create_default_param() };
    let extend = param.extend_param;
    v1_2_1::RKLLMParam {
        model_path: param.model_path,
        max_context_len: param.max_context_len,
        max_new_tokens: param.max_new_tokens,
        top_k: param.top_k,
        n_keep: param.n_keep,
        top_p: param.top_p,
        temperature: param.temperature,
        repeat_penalty: param.repeat_penalty,
        frequency_penalty: param.frequency_penalty,
        presence_penalty: param.presence_penalty,
        mirostat: param.mirostat,
        mirostat_tau: param.mirostat_tau,
        mirostat_eta: param.mirostat_eta,
        skip_special_token: param.skip_special_token,
        is_async: param.is_async,
        img_start: c"".as_ptr(),
        img_end: c"".as_ptr(),
        img_content: c"".as_ptr(),
        extend_param: v1_2_1::RKLLMExtendParam {
            base_domain_id: extend.base_domain_id,
            embed_flash: extend.embed_flash,
            enabled_cpus_num: extend.enabled_cpus_num,
            enabled_cpus_mask: extend.enabled_cpus_mask,
            n_batch: extend.n_batch,
            use_cross_attn: extend.use_cross_attn,
            reserved: extend.reserved,
        },
    }
}

pub(crate) unsafe extern "C" fn init(
    handle: *mut v1_2_1::LLMHandle,
    param: *mut v1_2_1::RKLLMParam,
    callback: v1_2_1::LLMResultCallback,
) -> c_int {
    guard("rkllm_init", || {
        if handle.is_null() {
            return Err(Error::Null("handle"));
        }
        if param.is_null() {
            return Err(Error::Null("RKLLMParam"));
        }
        let callback = callback.ok_or(Error::Null("callback"))?;
        // SAFETY: the types differ in the struct that the first argument points to, which is the
        // same in both generations, as checked above.
        let callback = unsafe {
            std::mem::transmute::<
                unsafe extern "C" fn(
                    *mut v1_2_1::RKLLMResult,
                    *mut c_void,
                    v1_2_1::LLMCallState,
                ) -> c_int,
                ResultCallback,
            >(callback)
        };
        let sink = Sink::new(callback, ptr::null_mut());
        // SAFETY: not null, and valid as the ABI asks, with its texts.
        let mut options = unsafe { lifecycle::options(&widen(param))? };
        options.version = crate::ABI_VERSION_1_2_1;
        // SAFETY: as above.
        options.image_tags =
            unsafe { [tag((*param).img_start, "img_start")?, tag((*param).img_end, "img_end")?] };
        let engine = Engine::open(&options, Callbacks { sink, tokenizer: None, embedder: None })?;
        // SAFETY: not null, and the caller's room for a handle.
        unsafe { handle.write(handles::insert(engine)) };
        Ok(OK)
    })
}

/// # Safety
///
/// The text must be null or NUL-terminated.
unsafe fn tag(text: *const std::ffi::c_char, what: &'static str) -> Result<CString, Error> {
    if text.is_null() {
        return Ok(CString::default());
    }
    // SAFETY: not null, and the caller's promise.
    Ok(unsafe { read::c_str(text, what)? }.to_owned())
}

/// # Safety
///
/// `param` must be valid.
unsafe fn widen(param: *const v1_2_1::RKLLMParam) -> v1_3::RKLLMParam {
    // SAFETY: the caller's promise; the function called has no preconditions. The booleans are
    // read as bytes, and the extended parameters are the same in both generations.
    unsafe {
        let default = lifecycle::create_default_param();
        v1_3::RKLLMParam {
            model_path: (*param).model_path,
            max_context_len: (*param).max_context_len,
            max_new_tokens: (*param).max_new_tokens,
            top_k: (*param).top_k,
            n_keep: (*param).n_keep,
            top_p: (*param).top_p,
            temperature: (*param).temperature,
            repeat_penalty: (*param).repeat_penalty,
            frequency_penalty: (*param).frequency_penalty,
            presence_penalty: (*param).presence_penalty,
            mirostat: (*param).mirostat,
            mirostat_tau: (*param).mirostat_tau,
            mirostat_eta: (*param).mirostat_eta,
            skip_special_token: read::flag(&raw const (*param).skip_special_token),
            extend_param: (&raw const (*param).extend_param)
                .cast::<v1_3::RKLLMExtendParam>()
                .read(),
            ..default
        }
    }
}

pub(crate) unsafe extern "C" fn run(
    handle: v1_2_1::LLMHandle,
    input: *mut v1_2_1::RKLLMInput,
    params: *mut v1_2_1::RKLLMInferParam,
    userdata: *mut c_void,
) -> c_int {
    // SAFETY: the caller passes null or valid pointers, as the ABI asks.
    run::run_here(handle, userdata, |engine| unsafe { request(engine, input, params) })
}

pub(crate) unsafe extern "C" fn run_async(
    handle: v1_2_1::LLMHandle,
    input: *mut v1_2_1::RKLLMInput,
    params: *mut v1_2_1::RKLLMInferParam,
    userdata: *mut c_void,
) -> c_int {
    // SAFETY: the caller passes null or valid pointers, as the ABI asks.
    run::run_elsewhere(handle, userdata, |engine| unsafe { request(engine, input, params) })
}

pub(crate) unsafe extern "C" fn load_lora(
    handle: v1_2_1::LLMHandle,
    lora_adapter: *mut v1_2_1::RKLLMLoraAdapter,
) -> c_int {
    // SAFETY: the caller's promise; the struct is the same in both generations.
    unsafe { extras::load_lora(handle, lora_adapter.cast()) }
}

pub(crate) unsafe extern "C" fn set_cross_attn_params(
    handle: v1_2_1::LLMHandle,
    cross_attn_params: *mut v1_2_1::RKLLMCrossAttnParam,
) -> c_int {
    // SAFETY: the caller's promise; the struct is the same in both generations.
    unsafe { extras::set_cross_attn_params(handle, cross_attn_params.cast()) }
}

/// # Safety
///
/// The pointers must be null or valid with all that they lead to, as the ABI asks.
unsafe fn request(
    engine: &Engine,
    inputs: *const v1_2_1::RKLLMInput,
    params: *const v1_2_1::RKLLMInferParam,
) -> Result<Request, Error> {
    if inputs.is_null() {
        return Err(Error::Null("rkllm_input"));
    }
    // SAFETY: null or valid, by the caller's promise.
    let params = unsafe { params.as_ref() }.ok_or(Error::Null("rkllm_infer_params"))?;
    let params = v1_3::RKLLMInferParam {
        mode: params.mode,
        lora_params: params.lora_params.cast(),
        prompt_cache_params: params.prompt_cache_params.cast(),
        sampling_params: ptr::null_mut(),
        keep_history: params.keep_history,
        max_new_tokens: 0,
    };
    // SAFETY: there are as many inputs as the handle takes; the structs that the parameters point
    // to are the same in both generations.
    unsafe {
        let inputs: Vec<_> = (0..engine.inputs())
            .map(|index| convert(inputs.add(index), engine.image_tags()))
            .collect::<Result<_, _>>()?;
        run::request(engine, inputs.as_ptr(), &params)
    }
}

/// # Safety
///
/// `input` must be valid, with what its set member of the union points to.
unsafe fn convert(
    input: *const v1_2_1::RKLLMInput,
    [start, end]: &[CString; 2],
) -> Result<v1_3::RKLLMInput, Error> {
    // SAFETY: valid, by the caller's promise; the member read is the one that the type names.
    unsafe {
        let value = &raw const (*input).value;
        let input_type = (*input).input_type;
        let value = match input_type {
            v1_2_1::RKLLM_INPUT_PROMPT => {
                v1_3::RKLLMInputValue { prompt_input: (*value).prompt_input }
            }
            v1_2_1::RKLLM_INPUT_TOKEN => {
                let v1_2_1::RKLLMTokenInput { input_ids, n_tokens } = (*value).token_input;
                v1_3::RKLLMInputValue { token_input: v1_3::RKLLMTokenInput { input_ids, n_tokens } }
            }
            v1_2_1::RKLLM_INPUT_EMBED => {
                let v1_2_1::RKLLMEmbedInput { embed, n_tokens } = (*value).embed_input;
                v1_3::RKLLMInputValue { embed_input: v1_3::RKLLMEmbedInput { embed, n_tokens } }
            }
            v1_2_1::RKLLM_INPUT_MULTIMODAL => {
                let multimodal_input = images(&(*value).multimodal_input, (start, end));
                v1_3::RKLLMInputValue { multimodal_input }
            }
            other => {
                return Err(Error::UnknownValue { name: "input_type", value: i64::from(other) });
            }
        };
        let enable_thinking = read::flag(&raw const (*input).enable_thinking);
        Ok(v1_3::RKLLMInput { role: (*input).role, enable_thinking, input_type, value })
    }
}

fn images(
    input: &v1_2_1::RKLLMMultiModalInput,
    (start, end): (&CString, &CString),
) -> v1_3::RKLLMMultiModalInput {
    v1_3::RKLLMMultiModalInput {
        prompt: input.prompt,
        image: v1_3::RKLLMMultiModalInputImage {
            image_embed: input.image_embed,
            n_image_tokens: input.n_image_tokens,
            n_image: input.n_image,
            image_start: start.as_ptr(),
            image_end: end.as_ptr(),
            image_content: ptr::null(),
            image_width: input.image_width,
            image_height: input.image_height,
        },
        video: input::NO_VIDEO,
    }
}
