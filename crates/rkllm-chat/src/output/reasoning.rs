//! The tags around a model's thoughts.

use serde::{Deserialize, Serialize};

use crate::Error;

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

/// The tags of models in use.
const KNOWN: [(&str, &str); 9] = [
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>thought", "<channel|>"),
];

impl ReasoningTags {
    /// The tags that a chat template uses, if they are among those in use: the first of them
    /// whose closing tag it names, as some templates never write the opening one.
    pub fn detect(template_source: &str) -> Option<Self> {
        let used = KNOWN.into_iter().find(|(_, close)| template_source.contains(close))?;
        Some(Self { open: used.0.to_owned(), close: used.1.to_owned() })
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
    fn templates_tell_their_tags() {
        for (open, close) in KNOWN {
            let tags = ReasoningTags::detect(&format!("split('{close}')")).unwrap();
            assert_eq!((tags.open.as_str(), tags.close.as_str()), (open, close));
            tags.check().unwrap();
        }
        assert_eq!(ReasoningTags::detect("{{ message.content }}"), None);
    }

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
