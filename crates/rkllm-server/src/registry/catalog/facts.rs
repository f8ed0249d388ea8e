//! What can be known of a model without loading it.

use std::fs::File;
use std::path::Path;

use super::entry::Format;
use super::error::CatalogError;
use super::gguf::{Header, TEMPLATE, quantization};
use super::words::NameFacts;

/// Facts of a model file. Where the header of the file and its name disagree, the header counts; of
/// a `.rkllm` model only the name is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Architecture, such as `llama`.
    pub(crate) architecture: Option<String>,
    /// Number of weights.
    pub(crate) parameter_count: Option<u64>,
    /// The same in words, such as `1.7B`; the name's way of putting it if it has one.
    pub(crate) parameter_size: Option<String>,
    /// How the weights are stored, such as `w8a8` or `Q4_K_M`.
    pub(crate) quantization: Option<String>,
    /// Most tokens of prompt and answer that the model was made for.
    pub(crate) context_length: Option<u64>,
    /// Numbers in a vector of the model.
    pub(crate) embedding_length: Option<u64>,
    /// The chat template in the file.
    pub(crate) chat_template: Option<String>,
    /// Kind of tokenizer in the file, such as `gpt2`.
    pub(crate) tokenizer: Option<String>,
    /// The chip that the model was converted for.
    pub(crate) platform: Option<String>,
}

impl Facts {
    /// Looks into a file. Only the header is read, which takes milliseconds.
    pub(super) fn read(
        file: &Path,
        format: Format,
        name: NameFacts,
        parts: usize,
    ) -> Result<Self, CatalogError> {
        let named = Self {
            parameter_size: name.parameter_size,
            quantization: name.quantization,
            platform: name.platform,
            ..Self::default()
        };
        if format == Format::Rkllm {
            return Ok(named);
        }
        let header = File::open(file).and_then(Header::read).map_err(|error| {
            let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let problem = match error.kind() {
                std::io::ErrorKind::UnexpectedEof => "ends in the middle of its header".to_owned(),
                _ => error.to_string(),
            };
            CatalogError::Model { file, problem }
        })?;
        let architecture = header.text("general.architecture").map(str::to_owned);
        let of = |what: &str| header.number(&format!("{}.{what}", architecture.as_deref()?));
        // The first of several files has only some of the tensors.
        let parameter_count = (parts == 1 && header.parameters > 0).then_some(header.parameters);
        let stored = header.number("general.file_type").and_then(quantization);
        Ok(Self {
            parameter_count,
            parameter_size: named.parameter_size.or_else(|| parameter_count.map(in_words)),
            quantization: stored.map(str::to_owned).or(named.quantization),
            context_length: of("context_length"),
            embedding_length: of("embedding_length"),
            chat_template: header.text(TEMPLATE).map(str::to_owned),
            tokenizer: header.text("tokenizer.ggml.model").map(str::to_owned),
            platform: named.platform,
            architecture,
        })
    }
}

/// `134.52M`, `1.7B`.
fn in_words(count: u64) -> String {
    let count = count as f64;
    if count >= 1e9 { format!("{:.1}B", count / 1e9) } else { format!("{:.2}M", count / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::super::gguf;
    use super::*;

    fn facts(name: &str, content: &[u8], parts: usize) -> Result<Facts, CatalogError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let format = Format::strip(name).unwrap().1;
        Facts::read(&file, format, NameFacts::of(name), parts)
    }

    #[test]
    fn of_a_gguf_model() {
        let facts = facts("m.gguf", &gguf::tests::example(), 1).unwrap();
        let expected = Facts {
            architecture: Some("llama".into()),
            parameter_count: Some(28_312_128),
            parameter_size: Some("28.31M".into()),
            quantization: Some("Q4_1".into()),
            context_length: Some(8192),
            embedding_length: Some(576),
            chat_template: Some("{{ messages }}".repeat(100)),
            tokenizer: Some("gpt2".into()),
            platform: None,
        };
        assert_eq!(facts, expected);
        assert_eq!(in_words(1_720_000_000), "1.7B");
    }

    #[test]
    fn name_and_header() {
        let facts = |name, parts| facts(name, &gguf::tests::example(), parts).unwrap();
        let both = facts("m-30M-Q8_0.gguf", 1);
        assert_eq!(both.parameter_size.as_deref(), Some("30M"));
        assert_eq!(both.quantization.as_deref(), Some("Q4_1"));
        let part = facts("m.gguf", 2);
        assert_eq!((part.parameter_count, part.parameter_size), (None, None));
    }

    #[test]
    fn of_an_rkllm_model() {
        let facts = facts("Qwen3-1.7B-w8a8-rk3588.rkllm", b"x", 1).unwrap();
        assert_eq!(facts.parameter_size.as_deref(), Some("1.7B"));
        assert_eq!(facts.platform.as_deref(), Some("rk3588"));
        assert_eq!(facts.architecture, None);
    }

    #[test]
    fn what_is_no_model_is_said() {
        let refused = |content: &[u8]| facts("m.gguf", content, 1).unwrap_err().to_string();
        insta::assert_snapshot!(refused(b"<html></html>"), @"m.gguf does not begin like a GGUF file; download or convert it again");
        insta::assert_snapshot!(refused(b"GGUF\x03\0\0\0"), @"m.gguf ends in the middle of its header; download or convert it again");
    }
}
