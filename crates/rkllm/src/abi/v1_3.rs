//! Generation 1.3: a struct of callbacks, sampling per run, image tags and videos per input.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use rkllm_sys::v1_3::*;

use super::layout::*;
use super::raw::{RawInput, RawMedia, RawOptions, to_c};
use crate::callbacks::{Callbacks, on_embed, on_tokenize};
use crate::run::{Mode, Reply};

/// `places` says whether the runtime places its threads by the CPU mask. `callbacks` live as long
/// as the handle.
pub(super) fn init(
    api: &Api,
    raw: &RawOptions<'_>,
    places: bool,
    callbacks: &mut Callbacks,
) -> (c_int, *mut c_void) {
    let mut param = common_param!(api, raw);
    set_placement!(param, raw, places);
    param.ignore_eos_token = raw.options.ignore_eos;
    param.extend_param.n_batch = raw.options.batch;
    param.extend_param.use_cross_attn = i8::from(raw.options.cross_attention);
    let tokenize: LLMTokenizerCallback = callbacks.tokenize.is_some().then_some(on_tokenize as _);
    let embed: LLMGetEmbedCallback = callbacks.embed.is_some().then_some(on_embed as _);
    let userdata: *mut c_void = std::ptr::from_mut(callbacks).cast();
    let mut callback = RKLLMCallback {
        result_callback: Some(on_result),
        result_userdata: null_mut(),
        tokenizer_callback: tokenize,
        tokenizer_userdata: userdata,
        embed_callback: embed,
        embed_userdata: userdata,
    };
    let mut handle = null_mut();
    // SAFETY: all pointers are valid for the call, `param` points to texts that are as well,
    // `callbacks` outlive the handle, and whoever calls serialises inits.
    let status = unsafe { (api.init)(&mut handle, &mut param, &mut callback) };
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
    if let Some((images, tags)) = &media.images {
        raw.image = RKLLMMultiModalInputImage {
            image_embed: images.data.as_ptr().cast_mut(),
            n_image_tokens: images.tokens,
            n_image: images.count,
            image_start: tags.start.as_ptr(),
            image_end: tags.end.as_ptr(),
            image_content: tags.content.as_ptr(),
            image_width: images.size.0,
            image_height: images.size.1,
        };
    }
    if let Some((videos, tags)) = &media.videos {
        raw.video = RKLLMMultiModalInputVideo {
            video_embed: videos.data.as_ptr().cast_mut(),
            n_frame_tokens: videos.tokens,
            n_frame_per_video: videos.frames,
            n_video: videos.count,
            video_start: tags.start.as_ptr(),
            video_end: tags.end.as_ptr(),
            video_content: tags.content.as_ptr(),
            frame_width: videos.size.0,
            frame_height: videos.size.1,
        };
    }
    raw
}

define_input!(media, |input: &mut RKLLMInput, raw: &RawInput<'_>| {
    input.role = raw.role.as_ptr();
    input.enable_thinking = raw.enable_thinking;
});

define_run!(|run| let sampling = run.sampling.as_ref().map(per_run); {
    sampling_params: sampling.as_mut().map_or(null_mut(), |sampling| sampling),
    keep_history: c_int::from(run.keep_history),
    max_new_tokens: run.max_new_tokens.map_or(0, to_c),
});

fn per_run(sampling: &crate::Sampling) -> RKLLMSamplingParam {
    // SAFETY: the struct is plain numbers, for which all zeroes are valid.
    let mut raw: RKLLMSamplingParam = unsafe { std::mem::zeroed() };
    set_sampling!(raw, sampling);
    raw
}

define_deliver!(None, read_logits!(), read_perf!());

unsafe extern "C" fn on_result(
    result: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) -> c_int {
    // SAFETY: the runtime's arguments, passed on.
    match unsafe { deliver(result, userdata, state) } {
        Reply::Continue => 0,
        Reply::Pause => 1,
        Reply::Release => 2,
    }
}
