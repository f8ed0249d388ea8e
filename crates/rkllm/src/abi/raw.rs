//! What a run is given, as C wants it, before a generation lays it out.

use std::ffi::{CStr, CString};
use std::path::Path;

use crate::input::{Content, MediaTags, Role};
use crate::run::Mode;
use crate::{Error, Input, Options, RunOptions, Sampling};

/// Options of init whose texts C reads.
pub(super) struct RawOptions<'a> {
    pub(super) options: &'a Options,
    pub(super) model: CString,
    /// Always texts: a null pointer here crashes runtimes up to 1.2.3 (found by RKLLM-API-Server).
    pub(super) tags: RawTags,
}

impl<'a> RawOptions<'a> {
    pub(super) fn new(model: &Path, options: &'a Options) -> Result<Self, Error> {
        let tags = options.image_tags.clone().unwrap_or_default();
        Ok(Self { options, model: c_path(model)?, tags: RawTags::new(&tags)? })
    }
}

/// The marks around pictures.
pub(super) struct RawTags {
    pub(super) start: CString,
    pub(super) end: CString,
    pub(super) content: CString,
}

impl RawTags {
    fn new(tags: &MediaTags) -> Result<Self, Error> {
        let text = |text: &str| c_text("a tag", text);
        Ok(Self { start: text(&tags.start)?, end: text(&tags.end)?, content: text(&tags.content)? })
    }
}

/// One run.
pub(super) struct RawRun<'a> {
    pub(super) inputs: Vec<RawInput<'a>>,
    pub(super) mode: Mode,
    pub(super) keep_history: bool,
    pub(super) lora: Option<CString>,
    pub(super) cache: Option<CString>,
    pub(super) sampling: Option<Sampling>,
    pub(super) max_new_tokens: Option<u32>,
}

/// One input.
pub(super) struct RawInput<'a> {
    pub(super) role: &'static CStr,
    pub(super) enable_thinking: bool,
    pub(super) content: RawContent<'a>,
}

/// What an input consists of.
pub(super) enum RawContent<'a> {
    Prompt(CString),
    Tokens(&'a [i32]),
    Embedding(&'a [f32], usize),
    Multimodal(RawMedia<'a>),
}

/// Text with pictures or videos.
pub(super) struct RawMedia<'a> {
    pub(super) prompt: CString,
    pub(super) images: Option<(&'a crate::Images, RawTags)>,
    pub(super) videos: Option<(&'a crate::Videos, RawTags)>,
}

impl<'a> RawRun<'a> {
    pub(super) fn new(
        inputs: &'a [Input],
        options: &RunOptions,
        mode: Mode,
        tags: &MediaTags,
    ) -> Result<Self, Error> {
        let lora = options.lora.as_deref();
        Ok(Self {
            inputs: inputs
                .iter()
                .map(|input| RawInput::new(input, tags))
                .collect::<Result<_, _>>()?,
            mode,
            keep_history: options.keep_history,
            lora: lora.map(|name| c_text("the LoRA adapter's name", name)).transpose()?,
            cache: options.save_prompt_cache.as_deref().map(c_path).transpose()?,
            sampling: options.sampling,
            max_new_tokens: options.max_new_tokens,
        })
    }
}

impl<'a> RawInput<'a> {
    fn new(input: &'a Input, tags: &MediaTags) -> Result<Self, Error> {
        let content = match &input.content {
            Content::Prompt(prompt) => RawContent::Prompt(c_text("the prompt", prompt)?),
            Content::Tokens(tokens) => RawContent::Tokens(tokens),
            Content::Embedding(embedding) => {
                RawContent::Embedding(&embedding.data, embedding.tokens)
            }
            Content::Multimodal(media) => RawContent::Multimodal(RawMedia {
                prompt: c_text("the prompt", &media.prompt)?,
                images: match &media.images {
                    Some(images) => {
                        Some((images, RawTags::new(images.tags.as_ref().unwrap_or(tags))?))
                    }
                    None => None,
                },
                videos: match &media.videos {
                    Some(videos) => Some((videos, RawTags::new(&videos.tags)?)),
                    None => None,
                },
            }),
        };
        let role = match input.role {
            Role::User => c"user",
            Role::Tool => c"tool",
        };
        Ok(Self { role, enable_thinking: input.enable_thinking, content })
    }
}

pub(super) fn c_text(what: &'static str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Nul { what })
}

pub(super) fn c_path(path: &Path) -> Result<CString, Error> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::Nul { what: "the path" })
}

/// Whatever fits was checked by `Options::check`.
pub(super) fn to_c(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
