#![doc = include_str!("../README.md")]

mod cache;
mod compose;
mod constraint;
mod conversation;
mod embedder;
mod engine;
mod error;
mod ffi;
mod generation;
mod item;
mod llama;
mod log;
mod lora;
mod media;
mod model_file;
mod options;
mod perf;
mod prompt;
mod prompt_cache;
mod report;
mod request;
mod sampler;
mod sampling;
mod session;
mod signal;
mod sink;
mod token_text;
mod tokenizer;
mod tools;

use rkllm_sys::{ext, v1_2_1, v1_3};

/// The version of this runtime.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of the vendor's runtime whose interface this one has.
pub const ABI_VERSION: &str = "1.3.0";

/// The version of the vendor's runtime whose interface [`api_1_2_1`] has.
pub const ABI_VERSION_1_2_1: &str = "1.2.3";

/// The functions of ABI generation 1.3, with the behaviour that `BEHAVIOUR.md` describes.
///
/// A function that the runtime does not have returns -1 and says so on standard error.
pub const fn api() -> v1_3::Api {
    v1_3::Api {
        create_default_param: ffi::lifecycle::create_default_param,
        init: ffi::lifecycle::init,
        load_lora: ffi::extras::load_lora,
        load_prompt_cache: ffi::extras::load_prompt_cache,
        release_prompt_cache: ffi::extras::release_prompt_cache,
        destroy: ffi::lifecycle::destroy,
        run: ffi::run::run,
        run_async: ffi::run::run_async,
        abort: ffi::run::abort,
        is_running: ffi::run::is_running,
        clear_kv_cache: ffi::cache::clear_kv_cache,
        get_kv_cache_size: ffi::cache::get_kv_cache_size,
        set_chat_template: ffi::cache::set_chat_template,
        set_function_tools: ffi::extras::set_function_tools,
        set_cross_attn_params: ffi::extras::set_cross_attn_params,
    }
}

/// The functions of ABI generation 1.2.1, for programs that were written for it.
///
/// The same runtime as that of [`api`], and handles of both may be used side by side. What
/// generation 1.2.1 cannot say is as if left out: sampling and limits of a single run, videos,
/// `ignore_eos_token`, the caller's tokenizer and embeddings.
pub const fn api_1_2_1() -> v1_2_1::Api {
    v1_2_1::Api {
        create_default_param: ffi::v1_2_1::create_default_param,
        init: ffi::v1_2_1::init,
        load_lora: ffi::v1_2_1::load_lora,
        load_prompt_cache: ffi::extras::load_prompt_cache,
        release_prompt_cache: ffi::extras::release_prompt_cache,
        destroy: ffi::lifecycle::destroy,
        run: ffi::v1_2_1::run,
        run_async: ffi::v1_2_1::run_async,
        abort: ffi::run::abort,
        is_running: ffi::run::is_running,
        clear_kv_cache: ffi::cache::clear_kv_cache,
        get_kv_cache_size: ffi::cache::get_kv_cache_size,
        set_chat_template: ffi::cache::set_chat_template,
        set_function_tools: ffi::extras::set_function_tools,
        set_cross_attn_params: ffi::v1_2_1::set_cross_attn_params,
    }
}

/// The extension functions, which libraries for the NPU do not have.
pub const fn ext_api() -> ext::Api {
    ext::Api {
        tokenize: ffi::ext::tokenize,
        detokenize: ffi::ext::detokenize,
        metadata: ffi::ext::metadata,
        model_info: ffi::ext::model_info,
        end_tokens: ffi::ext::end_tokens,
        special_tokens: ffi::ext::special_tokens,
        set_seed: ffi::ext::set_seed,
        set_constraint: ffi::ext::set_constraint,
        check_constraint: ffi::ext::check_constraint,
        last_error: ffi::ext::last_error,
    }
}
