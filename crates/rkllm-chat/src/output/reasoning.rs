//! The tags around a model's thoughts.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::thought::Tags;

/// The tags that a reasoning model writes around its thoughts.
///
/// ```
/// use rkllm_chat::ReasoningTags;
///
/// let tags = ReasoningTags::detect("{{ '<think>\n' }}…{{ content.split('</think>') }}").unwrap();
/// assert_eq!(tags.open, "<think>");
/// assert!(tags.are_open_at_end("<|im_start|>assistant\n<think>\n"));
/// assert!(!tags.are_open_at_end("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasoningTags {
    /// Begins a thought.
    pub open: String,
    /// Ends it.
    pub close: String,
}

impl ReasoningTags {
    /// The tags that a chat template names, if they are among those in use.
    pub fn detect(template_source: &str) -> Option<Self> {
        let Tags { open, close } = Tags::of_template(template_source)?;
        Some(Self { open: open.to_owned(), close: close.to_owned() })
    }

    /// Whether the model writes in channels, one of which is for its thoughts.
    pub(super) fn are_channels(&self) -> bool {
        self.open == Tags::CHANNEL.open && self.close == Tags::CHANNEL.close
    }

    /// Whether a prompt ends with the opening tag, so that the answer begins within a thought.
    pub fn are_open_at_end(&self, prompt: &str) -> bool {
        prompt.trim_end().ends_with(self.open.trim_end())
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let Self { open, close } = self;
        // Also true if one of them is empty.
        if open.starts_with(close.as_str()) || close.starts_with(open.as_str()) {
            let (open, close) = (open.clone(), close.clone());
            return Err(Error::ReasoningTags { open, close });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_cannot_be_told_apart_are_refused() {
        for (open, close) in [("<t>", "<t>"), ("", "</t>"), ("<t>", ""), ("<t", "<t>")] {
            let tags = ReasoningTags { open: open.into(), close: close.into() };
            assert!(tags.check().is_err(), "{open} {close}");
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        let tags = r#"{"open": "<t>", "close": "</t>", "end": "x"}"#;
        assert!(serde_json::from_str::<ReasoningTags>(tags).is_err());
    }
}
