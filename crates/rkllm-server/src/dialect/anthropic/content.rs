//! The content of messages as it comes: a text, or a list of blocks.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::dialect::media;

/// A text or a list of blocks.
#[derive(Debug)]
pub(super) enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

/// One block: the fields of all kinds of blocks, flat, so that each keeps its place in error
/// messages and unknown ones show.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Block {
    pub(super) r#type: String,
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) source: Option<Source>,
    pub(super) title: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) input: Option<serde_json::Value>,
    pub(super) tool_use_id: Option<String>,
    pub(super) content: Option<Content>,
    pub(super) is_error: Option<bool>,
}

/// Where a document or an image is.
#[derive(Debug)]
pub(super) enum Source {
    /// The name of a search result's source.
    Named(String),
    /// The thing itself, or the way to it.
    Data(Data),
}

/// A document or an image.
#[derive(Debug, Deserialize)]
pub(super) struct Data {
    pub(super) r#type: String,
    pub(super) data: Option<String>,
    pub(super) content: Option<Content>,
    /// Of what is text, there is no other kind.
    #[serde(rename = "media_type")]
    _media_type: Option<String>,
}

impl Block {
    /// What it is if a model that reads text alone cannot take it.
    fn medium(&self) -> Option<&'static str> {
        match (self.r#type.as_str(), &self.source) {
            ("image", _) => Some("an image"),
            ("audio" | "input_audio", _) => Some("audio"),
            ("document", Some(Source::Data(data))) => match data.r#type.as_str() {
                "text" | "content" => None,
                _ => Some("a document"),
            },
            _ => None,
        }
    }
}

impl Content {
    /// The content with a word in the place of each block that is no text, and of these the numbers.
    pub(super) fn without_media(self) -> (Self, Vec<usize>) {
        let Self::Blocks(mut blocks) = self else {
            return (self, Vec::new());
        };
        let mut left_out = Vec::new();
        for (index, block) in blocks.iter_mut().enumerate() {
            if let Some(what) = block.medium() {
                let text = Some(media::left_out(what));
                *block = Block { r#type: "text".to_owned(), text, ..Block::default() };
                left_out.push(index);
            }
        }
        (Self::Blocks(blocks), left_out)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of blocks")
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = list.next_element()? {
                    blocks.push(block);
                }
                Ok(Content::Blocks(blocks))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an object")
            }

            fn visit_str<E>(self, name: &str) -> Result<Source, E> {
                Ok(Source::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Source, A::Error> {
                Data::deserialize(MapAccessDeserializer::new(map)).map(Source::Data)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
