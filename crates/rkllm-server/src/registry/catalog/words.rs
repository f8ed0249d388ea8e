//! The words of a model's name, and the meaning that everybody gives to some of them.

/// What the name of a model says about it: `Qwen3-1.7B-w8a8-rk3588`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct NameFacts {
    /// Number of parameters, such as `1.7B`.
    pub(crate) parameter_size: Option<String>,
    /// How the weights are stored, such as `w8a8` or `Q4_K_M`.
    pub(crate) quantization: Option<String>,
    /// The chip that it was converted for, such as `rk3588`.
    pub(crate) platform: Option<String>,
}

impl NameFacts {
    /// Reads a name. Where two words mean the same kind of thing the first one counts.
    pub(crate) fn of(name: &str) -> Self {
        let mut facts = Self::default();
        for word in words(name) {
            match meaning(&word) {
                Some(Meaning::Size) => {
                    facts.parameter_size.get_or_insert_with(|| word.to_uppercase());
                }
                Some(Meaning::Quantization) => {
                    facts.quantization.get_or_insert_with(|| spelled(&word));
                }
                Some(Meaning::Platform) => {
                    facts.platform.get_or_insert(word);
                }
                None => {}
            }
        }
        facts
    }
}

/// The spelling of the tools that made it: Rockchip's in lower case, llama.cpp's in upper case.
fn spelled(quantization: &str) -> String {
    if is_rkllm_quantization(quantization) {
        quantization.to_owned()
    } else {
        quantization.to_uppercase()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Size,
    Quantization,
    Platform,
}

/// What a word says by itself.
pub(super) fn meaning(word: &str) -> Option<Meaning> {
    let head = word.split('_').next().unwrap_or(word);
    if is_rkllm_quantization(word) || is_gguf_quantization(head) {
        Some(Meaning::Quantization)
    } else if is_size(word) {
        Some(Meaning::Size)
    } else if is_platform(word) {
        Some(Meaning::Platform)
    } else {
        None
    }
}

/// The words of a name in lower case. Quantizations stay whole: `Q4_K_M` is one word.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    // Whether the next word may still belong to a quantization.
    let mut open = false;
    for word in split(&name.to_lowercase()) {
        match words.last_mut() {
            Some(last) if open && continues(last, word) => {
                last.push('_');
                last.push_str(word);
            }
            _ => {
                open = is_rkllm_quantization(word) || is_gguf_quantization(word);
                words.push(word.to_owned());
            }
        }
    }
    words
}

fn split(name: &str) -> impl Iterator<Item = &str> {
    let bytes = name.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut from = 0;
    let mut parts = Vec::new();
    for (at, c) in name.char_indices() {
        // The dot of 1.7B is no separator, that of 2b.Q4_K_M is one.
        let separates = matches!(c, '-' | '_' | ' ' | ':' | '/')
            || c == '.' && !(digit(at.checked_sub(1)) && digit(Some(at + 1)));
        if separates {
            parts.push(&name[from..at]);
            from = at + 1;
        }
    }
    parts.push(&name[from..]);
    parts.into_iter().filter(|part| !part.is_empty())
}

fn continues(quantization: &str, word: &str) -> bool {
    if is_rkllm_quantization(quantization) {
        return !quantization.contains('_') && numbered(word, "g");
    }
    quantization.matches('_').count() < 2
        && matches!(word, "0" | "1" | "k" | "xxs" | "xs" | "s" | "m" | "l" | "xl" | "nl")
}

/// `w8a8`, `w4a16_g128`.
fn is_rkllm_quantization(word: &str) -> bool {
    let (bits, group) = word.split_once('_').unwrap_or((word, "g0"));
    let weights = bits.strip_prefix('w').and_then(|rest| rest.split_once('a'));
    weights.is_some_and(|(weights, activations)| digits(weights) && digits(activations))
        && numbered(group, "g")
}

/// What llama.cpp's quantizations begin with: `q4` of `Q4_K_M`.
fn is_gguf_quantization(word: &str) -> bool {
    matches!(word, "f16" | "f32" | "bf16" | "fp16" | "mxfp4" | "nvfp4")
        || ["q", "iq", "tq"].into_iter().any(|prefix| numbered(word, prefix) && word.len() < 5)
}

/// `1.7b`, `135m`, `8x7b`, `e2b`.
fn is_size(word: &str) -> bool {
    let Some(number) = word.strip_suffix(['b', 'm']) else { return false };
    let number = number.strip_prefix('e').unwrap_or(number);
    let number = number.split_once('x').map_or(
        number,
        |(experts, size)| {
            if digits(experts) { size } else { "" }
        },
    );
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    digits(whole) && digits(fraction)
}

/// `rk3588`, `rv1126b`.
fn is_platform(word: &str) -> bool {
    let word = word.strip_suffix(|c: char| c.is_ascii_lowercase()).unwrap_or(word);
    word.len() == 6 && (numbered(word, "rk") || numbered(word, "rv"))
}

fn numbered(word: &str, prefix: &str) -> bool {
    word.strip_prefix(prefix).is_some_and(digits)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(name: &str) -> String {
        let facts = NameFacts::of(name);
        [facts.parameter_size, facts.quantization, facts.platform]
            .map(|fact| fact.unwrap_or_else(|| "-".into()))
            .join(" ")
    }

    #[test]
    fn names_as_people_write_them() {
        for (name, facts) in [
            ("Qwen3-1.7B-w8a8-rk3588", "1.7B w8a8 rk3588"),
            ("DeepSeek-R1-Distill-Qwen-1.5B_W8A8_RK3588", "1.5B w8a8 rk3588"),
            ("Qwen2.5-3B-Instruct-rk3588-w8a8_g128-opt-0-hybrid-ratio-0.0", "3B w8a8_g128 rk3588"),
            ("InternVL3-1B-w4a16-g64-rv1126b", "1B w4a16_g64 rv1126b"),
            ("gemma-2b-it.Q4_K_M", "2B Q4_K_M -"),
            ("SmolLM2-135M-Instruct-Q4_1", "135M Q4_1 -"),
            ("Llama-3.2-1B-IQ3_XXS", "1B IQ3_XXS -"),
            ("mixtral-8x7b.f16", "8X7B F16 -"),
            ("gemma-3n-E2B-it-rk3576", "E2B - rk3576"),
            ("Qwen3-30B-A3B-Q8_0", "30B Q8_0 -"),
            ("chat", "- - -"),
            ("b-m-rk-q-w8a-1.b-x7b", "- - -"),
        ] {
            assert_eq!(said(name), facts, "{name}");
        }
    }

    #[test]
    fn versions_stay_in_their_word() {
        assert_eq!(words("Qwen2.5-Coder 7B"), ["qwen2.5", "coder", "7b"]);
        assert_eq!(words("a..b--c"), ["a", "b", "c"]);
    }

    proptest! {
        #[test]
        fn any_name_has_words(name: String) {
            for word in words(&name) {
                prop_assert!(!word.is_empty() && !word.contains(['-', ' ']));
            }
            NameFacts::of(&name);
        }
    }
}
