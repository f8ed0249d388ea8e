//! Where a model's reasoning begins and ends.

/// Texts around reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) open: &'static str,
    pub(crate) close: &'static str,
}

/// The tags of models in use.
const KNOWN: [Tags; 10] = [
    Tags { open: "<think>", close: "</think>" },
    Tags { open: "[THINK]", close: "[/THINK]" },
    Tags { open: "<seed:think>", close: "</seed:think>" },
    Tags { open: "<thinking>", close: "</thinking>" },
    Tags { open: "<thought>", close: "</thought>" },
    Tags { open: "<reasoning>", close: "</reasoning>" },
    Tags { open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
    Tags { open: "<|thought_start|>", close: "<|thought_end|>" },
    Tags { open: "◁think▷", close: "◁/think▷" },
    Tags { open: "<|channel>thought", close: "<channel|>" },
];

impl Tags {
    /// Those of models that think in one of several channels, all of which end alike.
    pub(crate) const CHANNEL: Self =
        Self { open: "<|channel|>analysis<|message|>", close: "<|end|>" };

    /// The tags that a chat template uses, if they are among those in use: the first of them
    /// whose closing tag it names, as some templates never write the opening one.
    pub(crate) fn of_template(source: &str) -> Option<Self> {
        let named = |text: fn(&Self) -> &'static str| {
            KNOWN.into_iter().find(|tags| source.contains(text(tags)))
        };
        // Such a template may name tags besides, to take them out of texts.
        let channel = source.contains("<|channel|>analysis").then_some(Self::CHANNEL);
        channel.or_else(|| named(|tags| tags.close)).or_else(|| named(|tags| tags.open))
    }

    /// Where the opening tag begins with which a text ends.
    pub(crate) fn opening_at_end(self, text: &str) -> Option<usize> {
        text.trim_end().strip_suffix(self.open).map(str::len)
    }

    /// Whether reasoning begins in a text that does not end there.
    pub(crate) fn are_left_open(self, text: &str) -> bool {
        text.rfind(self.open) > text.rfind(self.close)
    }
}

impl Default for Tags {
    /// Those of most models.
    fn default() -> Self {
        KNOWN[0]
    }
}

/// Whether a token does nothing but begin or end reasoning.
pub(crate) fn is_tag(token: &str) -> bool {
    KNOWN.iter().any(|tags| token == tags.open || token == tags.close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_open_until_it_is_closed() {
        for tags in KNOWN.into_iter().chain([Tags::CHANNEL]) {
            let Tags { open, close } = tags;
            assert_eq!(tags.opening_at_end(&format!("a{open}\n")), Some(1));
            assert_eq!(tags.opening_at_end(&format!("{open}a")), None);
            assert!(tags.are_left_open(&format!("{open}a{close}b{open}c")));
            assert!(!tags.are_left_open(&format!("{open}a{close}b")));
            assert!(!tags.are_left_open("a"));
        }
    }

    #[test]
    fn templates_tell_their_tags() {
        for tags in KNOWN.into_iter().chain([Tags::CHANNEL]) {
            let both = format!("{{{{ '{}' }}}} split('{}')", tags.open, tags.close);
            assert_eq!(Tags::of_template(&both), Some(tags));
        }
        let both = "'<|channel|>analysis<|message|>' ~ text.split('</think>')";
        assert_eq!(Tags::of_template(both), Some(Tags::CHANNEL));
        assert_eq!(Tags::of_template("split('</think>')").unwrap().open, "<think>");
        assert_eq!(Tags::of_template("{{ '<think>\n' }}").unwrap().close, "</think>");
        assert_eq!(Tags::of_template("{{ message.content }}<|end|>"), None);
    }

    #[test]
    fn tokens_with_another_meaning_are_no_tags() {
        assert!(is_tag("<think>") && is_tag("<|thought_end|>"));
        assert!(!is_tag("<|end|>") && !is_tag("<|channel|>"));
    }
}
