//! Text whose tags stand for the embeddings of images and videos.

use rkllm_chat::Segment;

use crate::error::Error;
use crate::item::Item;
use crate::tokenizer::Tokenizer;

const IMAGE: &str = "<image>";
const VIDEO: &str = "<video>";

/// The images and videos that a text names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Media {
    pub(crate) images: Option<Clips>,
    pub(crate) videos: Option<Clips>,
}

/// Images, or videos, in the order of their tags.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clips {
    /// One for each tag: its frames, of which an image is one, with the rows of each.
    pub(crate) clips: Vec<Vec<Vec<Item>>>,
    /// Text before the rows of a frame.
    pub(crate) start: String,
    /// Text after the rows of a frame.
    pub(crate) end: String,
}

impl Media {
    /// Refuses a text whose tags do not fit.
    pub(crate) fn check(&self, text: &str) -> Result<(), Error> {
        let found = [IMAGE, VIDEO].map(|tag| text.matches(tag).count());
        if found == [0, 0] {
            return Err(Error::NoImageTag);
        }
        let given = [&self.images, &self.videos]
            .map(|clips| clips.as_ref().map_or(0, |clips| clips.clips.len()));
        let sizes = ["n_image/n_image_token", "n_video/n_frame_per_video/n_frame_tokens"];
        for ((found, given), sizes) in found.iter().zip(given).zip(sizes) {
            if *found > 0 && given == 0 {
                return Err(Error::MediaNotSet(sizes));
            }
        }
        for ((tag, found), given) in [IMAGE, VIDEO].into_iter().zip(found).zip(given) {
            if found != given {
                return Err(Error::TagCount { tag, found, given });
            }
        }
        Ok(())
    }

    /// The items of a rendered text, with embeddings in place of the tags.
    pub(crate) fn items(
        &self,
        segments: &[Segment],
        tokenizer: &Tokenizer,
    ) -> Result<Vec<Item>, Error> {
        let mut images = clips(&self.images);
        let mut videos = clips(&self.videos);
        let mut items = Vec::new();
        // What stands between two tags is tokenized as one text.
        let mut pending = Vec::new();
        for segment in segments {
            for (part, tag) in split(&segment.text) {
                append(&mut pending, part, segment.trusted);
                let clip = match tag {
                    Some(IMAGE) => images.next().zip(self.images.as_ref()),
                    Some(_) => videos.next().zip(self.videos.as_ref()),
                    None => continue,
                };
                // The template wrote a tag of its own: there is nothing to put in its place.
                let Some((frames, Clips { start, end, .. })) = clip else {
                    return Err(Error::NoImageTag);
                };
                for frame in frames {
                    append(&mut pending, start, true);
                    items.extend(Item::of_tokens(&tokenizer.tokens(&pending)?));
                    items.extend_from_slice(frame);
                    pending.clear();
                    append(&mut pending, end, true);
                }
            }
        }
        items.extend(Item::of_tokens(&tokenizer.tokens(&pending)?));
        Ok(items)
    }
}

fn clips(clips: &Option<Clips>) -> impl Iterator<Item = &Vec<Vec<Item>>> {
    clips.iter().flat_map(|clips| &clips.clips)
}

/// Adds text to what is tokenized as one.
fn append(segments: &mut Vec<Segment>, text: &str, trusted: bool) {
    match segments.last_mut().filter(|last| last.trusted == trusted) {
        Some(last) => last.text.push_str(text),
        None => segments.push(Segment { text: text.to_owned(), trusted }),
    }
}

/// The text before each tag, with the tag, and the text after the last one.
fn split(text: &str) -> Vec<(&str, Option<&'static str>)> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let next = [IMAGE, VIDEO].into_iter().filter_map(|tag| Some((rest.find(tag)?, tag))).min();
        let Some((at, tag)) = next else {
            parts.push((rest, None));
            return parts;
        };
        parts.push((&rest[..at], Some(tag)));
        rest = &rest[at + tag.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_its_tags() {
        assert_eq!(split("no tag"), [("no tag", None)]);
        assert_eq!(
            split("a <image><video> b"),
            [("a ", Some(IMAGE)), ("", Some(VIDEO)), (" b", None)]
        );
    }

    #[test]
    fn tags_are_counted() {
        let image = Clips { clips: vec![vec![]], start: String::new(), end: String::new() };
        let media = Media { images: Some(image), videos: None };
        assert!(media.check("What is <image>?").is_ok());
        assert!(matches!(media.check("What?"), Err(Error::NoImageTag)));
        let twice = media.check("<image> or <image>?").expect_err("one image").to_string();
        assert_eq!(twice, "the prompt has 2 <image> tags for 1 of them; give as many as tags");
        assert!(matches!(media.check("<image> <video>"), Err(Error::MediaNotSet(_))));
    }
}
