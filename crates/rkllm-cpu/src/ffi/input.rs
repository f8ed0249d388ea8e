//! Reads the inputs of a run.

use std::ffi::c_char;
use std::ptr;

use rkllm_chat::Role;
use rkllm_sys::v1_3::{
    RKLLM_INPUT_EMBED, RKLLM_INPUT_MULTIMODAL, RKLLM_INPUT_PROMPT, RKLLM_INPUT_TOKEN, RKLLMInput,
    RKLLMMultiModalInput, RKLLMMultiModalInputVideo,
};

use super::read;
use crate::error::Error;
use crate::item::Item;
use crate::media::{Clips, Media};
use crate::request::{Input, Said};

/// Images or videos as the C structs tell them.
#[derive(Debug)]
struct RawClips {
    rows: *const f32,
    /// Rows of a frame, frames of a clip, and clips.
    counts: [usize; 3],
    start: String,
    end: String,
    /// What messages call the rows and the counts.
    names: [&'static str; 2],
}

/// For generations that know no videos.
pub(super) const NO_VIDEO: RKLLMMultiModalInputVideo = RKLLMMultiModalInputVideo {
    video_embed: ptr::null_mut(),
    n_frame_tokens: 0,
    n_frame_per_video: 0,
    n_video: 0,
    video_start: ptr::null(),
    video_end: ptr::null(),
    video_content: ptr::null(),
    frame_width: 0,
    frame_height: 0,
};

/// # Safety
///
/// `input` must be valid, with what its set member of the union points to; rows have `width`
/// numbers.
pub(super) unsafe fn read_input(input: *const RKLLMInput, width: usize) -> Result<Input, Error> {
    // SAFETY: valid, by the caller's promise; the member read is the one that the type names.
    unsafe {
        let (role, thinking) = ((*input).role, &raw const (*input).enable_thinking);
        match (*input).input_type {
            RKLLM_INPUT_PROMPT => {
                let text = read::text((*input).value.prompt_input, "prompt_input")?;
                Ok(Input::Prompt(said(role, text, thinking)?))
            }
            RKLLM_INPUT_TOKEN => {
                let tokens = (*input).value.token_input;
                let ids = read::slice(tokens.input_ids, tokens.n_tokens, "input_ids")?;
                Ok(Input::Tokens(ids.to_vec()))
            }
            RKLLM_INPUT_EMBED => {
                let embed = (*input).value.embed_input;
                Ok(Input::Rows(rows((embed.embed, embed.n_tokens), width, "embed")?))
            }
            RKLLM_INPUT_MULTIMODAL => {
                let multimodal = (*input).value.multimodal_input;
                let text = read::text(multimodal.prompt, "prompt")?;
                let [images, videos] = raw_clips(&multimodal)?;
                let media = Media { images: clips(images, width)?, videos: clips(videos, width)? };
                media.check(text)?;
                Ok(Input::Multimodal(said(role, text, thinking)?, media))
            }
            other => Err(Error::UnknownValue { name: "input_type", value: i64::from(other) }),
        }
    }
}

/// # Safety
///
/// `role` must be null or NUL-terminated, `thinking` point to a readable byte.
unsafe fn said(role: *const c_char, text: &str, thinking: *const bool) -> Result<Said, Error> {
    // SAFETY: the caller's promise.
    let (role, thinking) = unsafe {
        let role = if role.is_null() { "user" } else { read::text(role, "role")? };
        (role, read::flag(thinking))
    };
    let role = match role {
        "user" => Role::User,
        "tool" => Role::Tool,
        other => return Err(Error::Role(other.to_owned())),
    };
    Ok(Said { role, text: text.to_owned(), thinking })
}

/// # Safety
///
/// Texts must be null or NUL-terminated.
unsafe fn raw_clips(input: &RKLLMMultiModalInput) -> Result<[RawClips; 2], Error> {
    let RKLLMMultiModalInput { image, video, .. } = input;
    // SAFETY: the caller's promise.
    unsafe {
        Ok([
            RawClips {
                rows: image.image_embed,
                counts: [image.n_image_tokens, 1, image.n_image],
                start: text_or_empty(image.image_start, "image_start")?,
                end: text_or_empty(image.image_end, "image_end")?,
                names: ["image_embed", "n_image/n_image_token"],
            },
            RawClips {
                rows: video.video_embed,
                counts: [video.n_frame_tokens, video.n_frame_per_video, video.n_video],
                start: text_or_empty(video.video_start, "video_start")?,
                end: text_or_empty(video.video_end, "video_end")?,
                names: ["video_embed", "n_video/n_frame_per_video/n_frame_tokens"],
            },
        ])
    }
}

/// # Safety
///
/// `pointer` must be null or NUL-terminated.
unsafe fn text_or_empty(pointer: *const c_char, what: &'static str) -> Result<String, Error> {
    if pointer.is_null() {
        return Ok(String::new());
    }
    // SAFETY: not null, and the caller's promise.
    Ok(unsafe { read::text(pointer, what)? }.to_owned())
}

/// # Safety
///
/// The rows must be null or as many as the counts say, of `width` numbers each.
unsafe fn clips(raw: RawClips, width: usize) -> Result<Option<Clips>, Error> {
    let RawClips { rows: pointer, counts, start, end, names: [embed, sizes] } = raw;
    let [per_frame, frames, count] = counts;
    if pointer.is_null() && per_frame == 0 && count == 0 {
        return Ok(None);
    }
    if counts.contains(&0) {
        return Err(Error::MediaNotSet(sizes));
    }
    if pointer.is_null() {
        return Err(Error::MediaEmpty(embed));
    }
    let total = per_frame.checked_mul(frames).and_then(|rows| rows.checked_mul(count));
    let total = total.ok_or(Error::TooLong { what: embed })?;
    // SAFETY: the caller's promise.
    let all = unsafe { rows((pointer, total), width, embed)? };
    let clip = |rows: &[Item]| rows.chunks(per_frame).map(<[Item]>::to_vec).collect();
    Ok(Some(Clips { clips: all.chunks(per_frame * frames).map(clip).collect(), start, end }))
}

/// # Safety
///
/// `pointer` must be null or point to `count` rows of `width` numbers each.
unsafe fn rows(
    (pointer, count): (*const f32, usize),
    width: usize,
    what: &'static str,
) -> Result<Vec<Item>, Error> {
    let numbers = count.checked_mul(width).ok_or(Error::TooLong { what })?;
    // SAFETY: the caller's promise.
    let numbers = unsafe { read::slice(pointer, numbers, what)? };
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(position) => Err(Error::NotFinite { what, position }),
        None => Ok(Item::of_rows(numbers, width)),
    }
}
