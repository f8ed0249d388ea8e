//! What a message says: a text or a list of parts.

use serde::Deserialize;

use super::either::TextOrList;
use super::error::{invalid, unsupported};
use crate::dialect::{json, media};
use crate::error::Error;

/// A message's content as it came.
pub(super) type Content = TextOrList<Part>;

/// One part of a content.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    r#type: Option<String>,
    text: Option<String>,
    refusal: Option<String>,
}

/// The text of a content; `path` is where it stands. Parts become lines.
pub(super) fn text(content: Content, path: &str) -> Result<String, Error> {
    let text = match content {
        Content::Text(text) => text,
        Content::List(parts) => {
            let mut lines = Vec::with_capacity(parts.len());
            for (index, part) in parts.into_iter().enumerate() {
                lines.push(part.text(&format!("{path}[{index}]"))?);
            }
            lines.join("\n")
        }
    };
    no_nul(path, &text)?;
    Ok(text)
}

/// The same of what a function returned, with a word in the place of each part that is no text; those
/// are named in `ignored`.
pub(super) fn result(
    mut content: Content,
    path: &str,
    ignored: &mut Vec<String>,
) -> Result<String, Error> {
    if let Content::List(parts) = &mut content {
        for (index, part) in parts.iter_mut().enumerate() {
            if let Some(what) = part.medium() {
                let text = Some(media::left_out(what));
                *part = Part { r#type: None, text, refusal: None };
                ignored.push(format!("{path}[{index}]"));
            }
        }
    }
    text(content, path)
}

/// Refuses U+0000 as [`json::no_nul`] does, and names the field.
pub(super) fn no_nul(path: &str, text: &str) -> Result<(), Error> {
    json::no_nul(path, text).map_err(|error| Error { param: Some(path.to_owned()), ..error })
}

impl Part {
    /// What it is if a model that reads text alone cannot take it.
    fn medium(&self) -> Option<&'static str> {
        Some(match self.r#type.as_deref()? {
            "image_url" | "input_image" | "image" => "an image",
            "input_audio" | "audio" => "audio",
            "video_url" | "input_video" | "video" => "a video",
            "file" | "input_file" => "a file",
            _ => return None,
        })
    }

    fn text(self, path: &str) -> Result<String, Error> {
        if let Some(what) = self.medium() {
            let why = "which this server's models cannot take; send text alone";
            return Err(unsupported(path, format!("{path} is {what}, {why}")));
        }
        match self.r#type.as_deref() {
            None
            | Some("text" | "input_text" | "output_text" | "reasoning_text" | "summary_text") => {
                self.text.ok_or_else(|| missing(path, "text"))
            }
            Some("refusal") => self.refusal.ok_or_else(|| missing(path, "refusal")),
            Some(other) => {
                let message = format!("{path}.type is {other:?}; send parts of type text");
                Err(unsupported(format!("{path}.type"), message))
            }
        }
    }
}

fn missing(path: &str, field: &str) -> Error {
    let path = format!("{path}.{field}");
    let message = format!("{path} is missing; send a string");
    invalid(path, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<String, Error> {
        text(serde_json::from_str(content).unwrap(), "messages[0].content")
    }

    #[test]
    fn texts_and_parts_are_text() {
        assert_eq!(read(r#""hi""#).unwrap(), "hi");
        assert_eq!(read("[]").unwrap(), "");
        let parts = r#"[{"type": "text", "text": "a", "cache_control": {}},
            {"type": "input_text", "text": "b"}, {"type": "output_text", "text": "c"},
            {"text": "d"}, {"type": "refusal", "refusal": "e"}]"#;
        assert_eq!(read(parts).unwrap(), "a\nb\nc\nd\ne");
    }

    #[test]
    fn what_is_no_text_is_refused_by_name() {
        let mut said = Vec::new();
        for part in [
            r#"{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}"#,
            r#"{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}"#,
            r#"{"type": "file", "file": {"file_id": "x"}}"#,
            r#"{"type": "hologram"}"#,
            r#"{"type": "text"}"#,
            r#"{"type": "text", "text": "a\u0000"}"#,
        ] {
            let error = read(&format!(r#"[{{"text": "x"}}, {part}]"#)).unwrap_err();
            said.push(format!("{} {:?}: {error}", error.param.as_deref().unwrap(), error.code));
        }
        insta::assert_snapshot!(said.join("\n"), @r#"
        messages[0].content[1] Unsupported: messages[0].content[1] is an image, which this server's models cannot take; send text alone
        messages[0].content[1] Unsupported: messages[0].content[1] is audio, which this server's models cannot take; send text alone
        messages[0].content[1] Unsupported: messages[0].content[1] is a file, which this server's models cannot take; send text alone
        messages[0].content[1].type Unsupported: messages[0].content[1].type is "hologram"; send parts of type text
        messages[0].content[1].text InvalidRequest: messages[0].content[1].text is missing; send a string
        messages[0].content InvalidRequest: messages[0].content contains U+0000 at byte 3, which models cannot take; remove it
        "#);
    }

    #[test]
    fn what_a_function_returned_is_never_refused_for_a_picture() {
        let content = r#"[{"type": "input_text", "text": "a"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
            {"type": "input_file", "file_id": "x"}]"#;
        let mut ignored = Vec::new();
        let text = result(serde_json::from_str(content).unwrap(), "output", &mut ignored).unwrap();
        insta::assert_snapshot!(text, @r"
        a
        [an image, which this model cannot take]
        [a file, which this model cannot take]
        ");
        assert_eq!(ignored, ["output[1]", "output[2]"]);
    }
}
