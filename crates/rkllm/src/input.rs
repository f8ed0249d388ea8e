//! What a run starts from.

use crate::Error;

/// What a run starts from.
///
/// ```
/// use rkllm::{Input, Role};
/// let question: Input = "What is the capital of France?".into();
/// assert_eq!(question.role, Role::User);
/// let tokens: Input = vec![1, 2, 3].into();
/// # assert_ne!(question, tokens);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Text, tokens, vectors or pictures.
    pub content: Content,
    /// Who speaks; matters to prompts only. [`Role::Tool`] needs
    /// [`Capability::Roles`](crate::Capability::Roles).
    pub role: Role,
    /// Whether a model that can think before it answers shall; matters to prompts only, needs
    /// [`Capability::Roles`](crate::Capability::Roles).
    pub enable_thinking: bool,
}

/// Text, tokens, vectors or pictures.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// Text that the runtime wraps in its chat template and tokenizes.
    Prompt(String),
    /// Token ids, used as they are: no template, no BOS added.
    Tokens(Vec<i32>),
    /// One vector per token, in place of the model's own embedding.
    Embedding(Embedding),
    /// Text with pictures or videos that an encoder turned into vectors.
    Multimodal(Box<Multimodal>),
}

/// Vectors as input: `tokens` rows of the model's embedding width, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// All rows, one after the other.
    pub data: Vec<f32>,
    /// Number of rows.
    pub tokens: usize,
}

/// Text with pictures or videos. The text says `<image>` or `<video>` where each of them belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Multimodal {
    /// The text.
    pub prompt: String,
    /// The pictures.
    pub images: Option<Images>,
    /// The videos; need [`Capability::Video`](crate::Capability::Video).
    pub videos: Option<Videos>,
}

/// Encoded pictures, all of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// The vectors of all pictures: `count * tokens` rows of the model's embedding width.
    pub data: Vec<f32>,
    /// Rows that one picture has.
    pub tokens: usize,
    /// Number of pictures. More than one needs
    /// [`Capability::ManyImages`](crate::Capability::ManyImages).
    pub count: usize,
    /// Width and height in pixels; some models place vectors by them.
    pub size: (usize, usize),
    /// The marks around pictures of this run, in place of those in
    /// [`Options::image_tags`](crate::Options::image_tags). Need
    /// [`Capability::TagsPerRun`](crate::Capability::TagsPerRun).
    pub tags: Option<MediaTags>,
}

/// Encoded videos, all of one size and length.
#[derive(Clone, Debug, PartialEq)]
pub struct Videos {
    /// The vectors of all videos: `count * frames * tokens` rows of the model's embedding width.
    pub data: Vec<f32>,
    /// Rows that one frame has.
    pub tokens: usize,
    /// Frames that one video has.
    pub frames: usize,
    /// Number of videos.
    pub count: usize,
    /// Width and height of a frame in pixels.
    pub size: (usize, usize),
    /// The marks around videos.
    pub tags: MediaTags,
}

/// The special tokens that a model was trained to see around pictures, for example
/// `<|vision_start|>`, `<|vision_end|>`, `<|image_pad|>` for Qwen-VL (vendor's multimodal demo).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaTags {
    /// Before a picture.
    pub start: String,
    /// After a picture.
    pub end: String,
    /// In the place of each vector.
    pub content: String,
}

/// Who speaks in a prompt. The runtime knows these two only: a system prompt is part of the template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The person who asks.
    #[default]
    User,
    /// The result of a tool call.
    Tool,
}

impl Input {
    /// Refuses vectors that are not as many rows of `width` numbers as they are said to be: the
    /// runtime would read beyond their end. `None` is a width that nobody knows.
    pub(crate) fn check(&self, width: Option<usize>) -> Result<(), Error> {
        match &self.content {
            Content::Prompt(_) | Content::Tokens(_) => Ok(()),
            Content::Embedding(embedding) => rows(&embedding.data, &[embedding.tokens], width),
            Content::Multimodal(media) => {
                if media.images.is_none() && media.videos.is_none() {
                    return Err(Error::option("multimodal input", "text only", "images or videos"));
                }
                if let Some(images) = &media.images {
                    rows(&images.data, &[images.tokens, images.count], width)?;
                }
                if let Some(videos) = &media.videos {
                    rows(&videos.data, &[videos.tokens, videos.frames, videos.count], width)?;
                }
                Ok(())
            }
        }
    }
}

fn rows(data: &[f32], counts: &[usize], width: Option<usize>) -> Result<(), Error> {
    let width = width.ok_or(Error::UnknownWidth)?;
    let wanted = counts.iter().try_fold(width, |rows, &count| rows.checked_mul(count));
    if wanted == Some(data.len()) && !data.is_empty() {
        return Ok(());
    }
    let value = format!("{} numbers for {counts:?} rows", data.len());
    Err(Error::option("the vectors' length", value, format!("rows of {width} numbers")))
}

impl From<Content> for Input {
    fn from(content: Content) -> Self {
        Self { content, role: Role::User, enable_thinking: false }
    }
}

impl From<&str> for Input {
    fn from(prompt: &str) -> Self {
        Content::Prompt(prompt.to_owned()).into()
    }
}

impl From<String> for Input {
    fn from(prompt: String) -> Self {
        Content::Prompt(prompt).into()
    }
}

impl From<Vec<i32>> for Input {
    fn from(tokens: Vec<i32>) -> Self {
        Content::Tokens(tokens).into()
    }
}

impl From<Embedding> for Input {
    fn from(embedding: Embedding) -> Self {
        Content::Embedding(embedding).into()
    }
}

impl From<Multimodal> for Input {
    fn from(media: Multimodal) -> Self {
        Content::Multimodal(Box::new(media)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_must_be_whole_rows_of_a_known_width() {
        let embedding = |values, tokens, width| {
            Input::from(Embedding { data: vec![0.0; values], tokens }).check(width)
        };
        embedding(6, 3, Some(2)).unwrap();
        for (values, tokens) in [(5, 3), (0, 3), (6, 0), (0, 0), (2, 3), (12, 3)] {
            embedding(values, tokens, Some(2)).unwrap_err();
        }
        assert!(matches!(embedding(6, 3, None), Err(Error::UnknownWidth)));
        let images =
            Images { data: vec![0.0; 8], tokens: usize::MAX, count: 2, size: (1, 1), tags: None };
        let media = Multimodal { prompt: "<image>".into(), images: Some(images), videos: None };
        Input::from(media).check(Some(2)).expect_err("the product overflows");
    }
}
