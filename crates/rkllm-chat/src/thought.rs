//! Where a model's reasoning begins and ends.

/// Texts around reasoning, in the models that mark it in their own words.
const TAGS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<|START_THINKING|>", "<|END_THINKING|>")];

/// Where the tag begins by which a text opens reasoning at its very end.
pub(crate) fn opening_at_end(text: &str) -> Option<usize> {
    let text = text.trim_end();
    TAGS.iter().find_map(|(open, _)| text.strip_suffix(open)).map(str::len)
}

/// Whether reasoning begins in a text that does not end there.
pub(crate) fn is_left_open(text: &str) -> bool {
    TAGS.iter().any(|(open, close)| text.rfind(open) > text.rfind(close))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_is_open_until_it_is_closed() {
        for (open, close) in TAGS {
            assert_eq!(opening_at_end(&format!("a{open}\n")), Some(1));
            assert_eq!(opening_at_end(&format!("{open}a")), None);
            assert!(is_left_open(&format!("{open}a{close}b{open}c")));
            assert!(!is_left_open(&format!("{open}a{close}b")));
        }
        assert!(!is_left_open("a"));
    }
}
