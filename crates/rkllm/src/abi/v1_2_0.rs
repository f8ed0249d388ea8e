//! Generation 1.2.0: as 1.1, with history, logits, a chat template, and a choice of CPUs.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use rkllm_sys::v1_2_0::*;

use super::layout::*;
use super::raw::{RawInput, RawMedia, RawOptions};
use crate::run::Mode;

pub(super) fn init(api: &Api, raw: &RawOptions<'_>) -> (c_int, *mut c_void) {
    let mut param = common_param!(api, raw);
    set_image_tags!(param, raw);
    set_placement!(param, raw, true);
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

fn media(media: &RawMedia<'_>) -> RKLLMMultiModelInput {
    let (image_embed, n_image_tokens) = match &media.images {
        Some((images, _)) => (images.data.as_ptr().cast_mut(), images.tokens),
        None => (null_mut(), 0),
    };
    RKLLMMultiModelInput { prompt: media.prompt.as_ptr().cast_mut(), image_embed, n_image_tokens }
}

define_input!(media, |_: &mut RKLLMInput, _: &RawInput<'_>| {});

define_run!(|run| { keep_history: c_int::from(run.keep_history) });

define_deliver!(None, read_logits!(), |_: &RKLLMResult| None);

unsafe extern "C" fn on_result(
    result: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) {
    // SAFETY: the runtime's arguments, passed on.
    unsafe { deliver(result, userdata, state) };
}
