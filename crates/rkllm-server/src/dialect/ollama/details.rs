//! What lists and descriptions of models have in common.

use serde::Serialize;

use crate::registry::{Abilities, ModelInfo};

/// The model's kind, as programs show it.
#[derive(Debug, Serialize)]
pub(super) struct Details<'a> {
    parent_model: &'static str,
    format: &'static str,
    family: &'a str,
    families: [&'a str; 1],
    parameter_size: &'a str,
    quantization_level: &'a str,
}

impl<'a> From<&'a ModelInfo> for Details<'a> {
    fn from(model: &'a ModelInfo) -> Self {
        let family = family(model);
        Self {
            parent_model: "",
            format: model.format,
            family,
            families: [family],
            parameter_size: known(&model.parameter_size),
            quantization_level: known(&model.quantization),
        }
    }
}

/// Programs show these words, and some take an empty one for a model that is not there.
fn known(word: &str) -> &str {
    if word.is_empty() { "unknown" } else { word }
}

/// The architecture; programs want a word even where nobody knows it.
pub(super) fn family(model: &ModelInfo) -> &str {
    match model.architecture.as_str() {
        "" => model.format,
        architecture => architecture,
    }
}

/// The name with a tag, as lists have it.
pub(super) fn tagged(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.contains(':') {
        true => name.to_owned(),
        false => format!("{name}:latest"),
    }
}

/// The names of what the model can do.
pub(super) fn capabilities(able: Abilities) -> Vec<&'static str> {
    [
        ("completion", able.completion),
        ("tools", able.tools),
        ("thinking", able.thinking),
        ("insert", able.insert),
        ("embedding", able.embedding),
    ]
    .into_iter()
    .filter_map(|(name, can)| can.then_some(name))
    .collect()
}

/// A model for tests.
#[cfg(test)]
pub(super) fn example() -> ModelInfo {
    use std::time::{Duration, SystemTime};

    use crate::generate::Tuning;
    use crate::registry::ModelState;

    ModelInfo {
        name: "qwen3-0.6b".into(),
        aliases: Vec::new(),
        format: "rkllm",
        size_bytes: 943_718_400,
        modified: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_123),
        digest: "0f".repeat(32),
        architecture: "qwen3".into(),
        parameter_size: "0.6B".into(),
        quantization: "w8a8".into(),
        context: 4096,
        embedding_length: Some(1024),
        abilities: Abilities {
            completion: true,
            tools: true,
            thinking: true,
            ..Abilities::default()
        },
        limits: None,
        template: Some("{% if tools %}{{ tools }}{% endif %}{{ messages }}".into()),
        system: None,
        defaults: Tuning {
            temperature: Some(0.7),
            stop: vec!["<|im_end|>".into()],
            ..Tuning::default()
        },
        state: ModelState::Unloaded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_tag_and_kinds_have_a_word() {
        assert_eq!(tagged("m"), "m:latest");
        assert_eq!(tagged("m:1b"), "m:1b");
        assert_eq!(tagged("host:5000/space/m"), "host:5000/space/m:latest");
        let unknown = ModelInfo { architecture: String::new(), ..example() };
        assert_eq!(family(&unknown), "rkllm");
        assert_eq!((known(""), known("w8a8")), ("unknown", "w8a8"));
    }
}
