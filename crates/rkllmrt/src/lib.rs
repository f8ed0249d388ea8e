#![doc = include_str!("../README.md")]

use std::ffi::{c_char, c_int, c_void};

use rkllm_sys::ext::{self, RKLLMExtModelInfo};

#[cfg(feature = "abi-1_2_1")]
mod generation {
    pub(crate) use rkllm_sys::v1_2_1::*;

    pub(crate) const API: Api = rkllm_cpu::api_1_2_1();
    pub(crate) type Callback = LLMResultCallback;
    pub(crate) const TEXT: &str = concat!(
        "RKLLM SDK (version: 1.2.3 | target: CPU | build: rkllm-cpu ",
        env!("CARGO_PKG_VERSION"),
        ")\0"
    );
}

#[cfg(not(feature = "abi-1_2_1"))]
mod generation {
    pub(crate) use rkllm_sys::v1_3::*;

    pub(crate) const API: Api = rkllm_cpu::api();
    pub(crate) type Callback = *mut RKLLMCallback;
    pub(crate) const TEXT: &str = concat!(
        "RKLLM SDK (version: 1.3.0 | target: CPU | build: rkllm-cpu ",
        env!("CARGO_PKG_VERSION"),
        ")\0"
    );
}

use generation::{
    API, Api, Callback, LLMHandle, RKLLMCrossAttnParam, RKLLMInferParam, RKLLMInput,
    RKLLMLoraAdapter, RKLLMParam, TEXT,
};

const EXT: ext::Api = rkllm_cpu::ext_api();

/// The only thing that tells libraries of different generations apart, read from the file.
#[used]
static BANNER: [u8; TEXT.len()] = match TEXT.as_bytes().first_chunk() {
    Some(text) => *text,
    None => unreachable!(),
};

/// Exports entries of a table under their C names.
macro_rules! export {
    ($($symbol:ident = $table:ident.$entry:ident($($name:ident: $type:ty),*) -> $returns:ty;)*) => {
        $(
            #[doc = concat!("See `", stringify!($entry), "` in the function table of `rkllm-sys`.")]
            ///
            /// # Safety
            ///
            /// Pointers must be null or valid, as the C header says.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $symbol($($name: $type),*) -> $returns {
                // SAFETY: the arguments go on as they came, under the same contract.
                unsafe { ($table.$entry)($($name),*) }
            }
        )*

        const EXPORTED: usize = [$(stringify!($symbol)),*].len();
    };
}

export! {
    rkllm_createDefaultParam = API.create_default_param() -> RKLLMParam;
    rkllm_init = API.init(
        handle: *mut LLMHandle, param: *mut RKLLMParam, callback: Callback
    ) -> c_int;
    rkllm_load_lora = API.load_lora(
        handle: LLMHandle, lora_adapter: *mut RKLLMLoraAdapter
    ) -> c_int;
    rkllm_load_prompt_cache = API.load_prompt_cache(
        handle: LLMHandle, prompt_cache_path: *const c_char
    ) -> c_int;
    rkllm_release_prompt_cache = API.release_prompt_cache(handle: LLMHandle) -> c_int;
    rkllm_destroy = API.destroy(handle: LLMHandle) -> c_int;
    rkllm_run = API.run(
        handle: LLMHandle, rkllm_input: *mut RKLLMInput, rkllm_infer_params: *mut RKLLMInferParam,
        userdata: *mut c_void
    ) -> c_int;
    rkllm_run_async = API.run_async(
        handle: LLMHandle, rkllm_input: *mut RKLLMInput, rkllm_infer_params: *mut RKLLMInferParam,
        userdata: *mut c_void
    ) -> c_int;
    rkllm_abort = API.abort(handle: LLMHandle) -> c_int;
    rkllm_is_running = API.is_running(handle: LLMHandle) -> c_int;
    rkllm_clear_kv_cache = API.clear_kv_cache(
        handle: LLMHandle, keep_system_prompt: c_int, start_pos: *mut c_int, end_pos: *mut c_int
    ) -> c_int;
    rkllm_get_kv_cache_size = API.get_kv_cache_size(
        handle: LLMHandle, cache_sizes: *mut c_int
    ) -> c_int;
    rkllm_set_chat_template = API.set_chat_template(
        handle: LLMHandle, system_prompt: *const c_char, prompt_prefix: *const c_char,
        prompt_postfix: *const c_char
    ) -> c_int;
    rkllm_set_function_tools = API.set_function_tools(
        handle: LLMHandle, system_prompt: *const c_char, tools: *const c_char,
        tool_response_str: *const c_char
    ) -> c_int;
    rkllm_set_cross_attn_params = API.set_cross_attn_params(
        handle: LLMHandle, cross_attn_params: *mut RKLLMCrossAttnParam
    ) -> c_int;
    rkllm_ext_tokenize = EXT.tokenize(
        handle: LLMHandle, text: *const c_char, text_len: usize, flags: u32, tokens: *mut i32,
        capacity: usize
    ) -> i64;
    rkllm_ext_detokenize = EXT.detokenize(
        handle: LLMHandle, tokens: *const i32, n_tokens: usize, special: bool, text: *mut c_char,
        capacity: usize
    ) -> i64;
    rkllm_ext_metadata = EXT.metadata(
        handle: LLMHandle, key: *const c_char, value: *mut c_char, capacity: usize
    ) -> i64;
    rkllm_ext_model_info = EXT.model_info(handle: LLMHandle, info: *mut RKLLMExtModelInfo) -> c_int;
    rkllm_ext_end_tokens = EXT.end_tokens(
        handle: LLMHandle, tokens: *mut i32, capacity: usize
    ) -> i64;
    rkllm_ext_special_tokens = EXT.special_tokens(
        handle: LLMHandle, tokens: *mut i32, capacity: usize
    ) -> i64;
    rkllm_ext_set_constraint = EXT.set_constraint(
        handle: LLMHandle, notation: u32, text: *const c_char
    ) -> c_int;
    rkllm_ext_check_constraint = EXT.check_constraint(
        handle: LLMHandle, notation: u32, text: *const c_char
    ) -> c_int;
    rkllm_ext_last_error = EXT.last_error(text: *mut c_char, capacity: usize) -> i64;
    rkllm_ext_set_seed = EXT.set_seed(handle: LLMHandle, seed: u32) -> c_int;
}

const _: () = assert!(
    EXPORTED == Api::SYMBOLS.len() + ext::Api::SYMBOLS.len(),
    "every function of the tables is exported"
);
