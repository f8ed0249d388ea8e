//! Generation 1.2.1 (1.2.1 to 1.2.3): callbacks may pause a run, prompts have roles, runs are
//! measured, batches and cross attention exist.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use rkllm_sys::v1_2_1::*;

use super::layout::*;
use super::raw::{RawInput, RawMedia, RawOptions};
use crate::run::{Mode, Reply};

/// `places` says whether the runtime places its threads by the CPU mask.
pub(super) fn init(api: &Api, raw: &RawOptions<'_>, places: bool) -> (c_int, *mut c_void) {
    let mut param = common_param!(api, raw);
    set_image_tags!(param, raw);
    set_placement!(param, raw, places);
    param.extend_param.n_batch = raw.options.batch;
    param.extend_param.use_cross_attn = i8::from(raw.options.cross_attention);
    let mut handle = null_mut();
    // SAFETY: all pointers are valid for the call, `param` points to texts that are as well, and
    // whoever calls serialises inits.
    let status = unsafe { (api.init)(&mut handle, &mut param, Some(on_result)) };
    (status, handle)
}

fn mode(mode: Mode) -> RKLLMInferMode {
    match mode {
        Mode::Generate => RKLLM_INFER_GENERATE,
        Mode::HiddenStates => RKLLM_INFER_GET_LAST_HIDDEN_LAYER,
        Mode::Logits => RKLLM_INFER_GET_LOGITS,
    }
}

fn media(media: &RawMedia<'_>) -> RKLLMMultiModalInput {
    // SAFETY: the struct is plain C data with pointers, for which all zeroes are valid.
    let mut raw: RKLLMMultiModalInput = unsafe { std::mem::zeroed() };
    raw.prompt = media.prompt.as_ptr().cast_mut();
    if let Some((images, _)) = &media.images {
        raw.image_embed = images.data.as_ptr().cast_mut();
        raw.n_image_tokens = images.tokens;
        raw.n_image = images.count;
        (raw.image_width, raw.image_height) = images.size;
    }
    raw
}

define_input!(media, |input: &mut RKLLMInput, raw: &RawInput<'_>| {
    input.role = raw.role.as_ptr();
    input.enable_thinking = raw.enable_thinking;
});

define_run!(|run| { keep_history: c_int::from(run.keep_history) });

define_deliver!(None, read_logits!(), read_perf!());

unsafe extern "C" fn on_result(
    result: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) -> c_int {
    // SAFETY: the runtime's arguments, passed on.
    match unsafe { deliver(result, userdata, state) } {
        Reply::Continue | Reply::Release => 0,
        Reply::Pause => 1,
    }
}
