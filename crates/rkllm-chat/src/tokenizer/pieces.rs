//! What each token adds to a text.

use std::collections::HashMap;

use serde_json::Value;
use tokenizers::DecoderWrapper;

use super::added::AddedTokens;
use super::byte_level;

/// How a vocabulary spells bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    steps: Vec<Step>,
    /// The byte that is dropped at the beginning of a text, and how often at most.
    leading: Option<(u8, usize)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    ByteLevel,
    /// `<0x0A>` is one byte.
    ByteFallback,
    Replace {
        from: String,
        to: String,
    },
}

impl Spelling {
    /// Reads the tokenizer's own decoder.
    ///
    /// # Errors
    ///
    /// The name of what cannot be done token by token.
    pub(super) fn of(decoder: Option<&DecoderWrapper>) -> Result<Self, String> {
        let decoder = decoder.ok_or("no decoder")?;
        let decoder = serde_json::to_value(decoder).map_err(|error| error.to_string())?;
        let mut spelling = Self { steps: Vec::new(), leading: None };
        let mut fused = false;
        match &decoder["decoders"] {
            Value::Array(steps) => {
                steps.iter().try_for_each(|step| spelling.add(step, &mut fused))?;
            }
            _ => spelling.add(&decoder, &mut fused)?,
        }
        Ok(spelling)
    }

    fn add(&mut self, step: &Value, fused: &mut bool) -> Result<(), String> {
        let text = |field: &str| step[field].as_str();
        match (text("type").unwrap_or("unnamed"), *fused) {
            ("ByteLevel", false) => self.steps.push(Step::ByteLevel),
            ("ByteFallback", false) => self.steps.push(Step::ByteFallback),
            ("Fuse", _) => *fused = true,
            ("Replace", false) => {
                let from = step["pattern"]["String"].as_str().ok_or("Replace with a pattern")?;
                let to = text("content").unwrap_or_default().to_owned();
                self.steps.push(Step::Replace { from: from.to_owned(), to });
            }
            ("Metaspace", false) => {
                let from = text("replacement").unwrap_or("\u{2581}").to_owned();
                self.steps.push(Step::Replace { from, to: " ".to_owned() });
                if text("prepend_scheme") != Some("never") {
                    self.leading = Some((b' ', 1));
                }
            }
            ("Strip", true) if step["stop"] == 0 => {
                let byte = match text("content").map(str::as_bytes) {
                    Some([byte]) => *byte,
                    _ => return Err("Strip of a character beyond ASCII".to_owned()),
                };
                let most = step["start"].as_u64().and_then(|count| usize::try_from(count).ok());
                self.leading = Some((byte, most.unwrap_or(0)));
            }
            (name, _) => return Err(format!("the decoder {name}")),
        }
        Ok(())
    }

    fn bytes(&self, token: &str) -> Vec<u8> {
        let mut text = token.to_owned();
        for step in &self.steps {
            match step {
                Step::ByteLevel => return byte_level::bytes(&text).unwrap_or(text.into_bytes()),
                Step::ByteFallback => {
                    if let Some(byte) = fallback_byte(&text) {
                        return vec![byte];
                    }
                }
                Step::Replace { from, to } => text = text.replace(from, to),
            }
        }
        text.into_bytes()
    }
}

fn fallback_byte(token: &str) -> Option<u8> {
    let hex = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (hex.len() == 2).then(|| u8::from_str_radix(hex, 16).ok())?
}

/// The bytes of every token, one after the other.
#[derive(Debug)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Where the bytes of each token end, in order of the tokens' numbers.
    ends: Vec<usize>,
    /// Whether each token steers the model instead of being text.
    control: Vec<bool>,
    leading: Option<(u8, usize)>,
}

impl Pieces {
    /// A table of `size` tokens.
    pub(super) fn new(
        spelling: &Spelling,
        added: &AddedTokens,
        vocab: &HashMap<u32, String>,
        size: u32,
    ) -> Self {
        let mut pieces = Self {
            bytes: Vec::new(),
            ends: Vec::with_capacity(size as usize),
            control: (0..size).map(|token| added.is_control(token)).collect(),
            leading: spelling.leading,
        };
        for token in 0..size {
            if let Some(text) = vocab.get(&token) {
                // Byte-level vocabularies list added tokens as they are, not in the alphabet.
                if added.text(token).is_some() && spelling.steps.contains(&Step::ByteLevel) {
                    pieces.bytes.extend_from_slice(text.as_bytes());
                } else {
                    pieces.bytes.extend(spelling.bytes(text));
                }
            }
            pieces.ends.push(pieces.bytes.len());
        }
        pieces
    }

    /// What a token adds; nothing for numbers without a token.
    pub(super) fn get(&self, token: i32, special: bool) -> &[u8] {
        let Some(index) = usize::try_from(token).ok().filter(|index| *index < self.ends.len())
        else {
            return &[];
        };
        if self.control[index] && !special {
            return &[];
        }
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    /// What is dropped at the beginning of a text: a byte, and how often at most.
    pub(super) fn leading(&self) -> Option<(u8, usize)> {
        self.leading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(json: &str) -> Result<Spelling, String> {
        Spelling::of(Some(&serde_json::from_str(json).unwrap()))
    }

    #[test]
    fn the_usual_decoders_are_read() {
        let llama = spelling(
            r#"{"type":"Sequence","decoders":[
                {"type":"Replace","pattern":{"String":"▁"},"content":" "},
                {"type":"ByteFallback"},{"type":"Fuse"},
                {"type":"Strip","content":" ","start":1,"stop":0}]}"#,
        )
        .unwrap();
        assert_eq!(llama.leading, Some((b' ', 1)));
        assert_eq!(llama.bytes("▁a▁b"), b" a b");
        assert_eq!(llama.bytes("<0xE2>"), b"\xE2");
        assert_eq!(llama.bytes("<0xZZ>"), b"<0xZZ>");
        let gpt = spelling(
            r#"{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"#,
        )
        .unwrap();
        assert_eq!(gpt.bytes("Ġé"), b" \xE9");
        let never = spelling(
            r#"{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":false}"#,
        )
        .unwrap();
        assert_eq!((never.leading, never.bytes("▁a")), (None, b" a".to_vec()));
    }

    #[test]
    fn what_needs_later_tokens_is_refused_by_name() {
        let refused = |json| spelling(json).unwrap_err();
        let wordpiece = r###"{"type":"WordPiece","prefix":"##","cleanup":true}"###;
        assert_eq!(refused(wordpiece), "the decoder WordPiece");
        assert_eq!(refused(r#"{"type":"BPEDecoder","suffix":"</w>"}"#), "the decoder BPEDecoder");
        let strip = r#"{"type":"Strip","content":" ","start":1,"stop":0}"#;
        assert_eq!(refused(strip), "the decoder Strip");
        let regex = r#"{"type":"Replace","pattern":{"Regex":"a+"},"content":""}"#;
        assert_eq!(refused(regex), "Replace with a pattern");
        assert_eq!(Spelling::of(None).unwrap_err(), "no decoder");
    }
}
