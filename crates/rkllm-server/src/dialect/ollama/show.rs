//! `POST /api/show`: everything about one model.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::details::{Details, capabilities, family};
use super::time::Time;
use super::{common, named, reply};
use crate::app::State;
use crate::error::Error;
use crate::registry::{Abilities, ModelInfo};

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    name: Option<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    license: &'static str,
    modelfile: String,
    parameters: String,
    template: String,
    system: &'a str,
    details: Details<'a>,
    model_info: Map<String, Value>,
    capabilities: Vec<&'static str>,
    modified_at: Time,
}

pub(super) async fn show(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let (body, ignored) = common::parse::<Body>(&body, r#"{"model": "name"}"#)?;
    let name = named::either(body.model, body.name)?;
    let model = state.registry.model(Some(&name)).await;
    let model = model.map_err(|error| reply::about(&name, error))?;
    Ok(reply::json(reply::accepted(&ignored), &shown(&model)))
}

fn shown(model: &ModelInfo) -> Shown<'_> {
    let parameters = parameters(model);
    let system = model.system.as_deref().unwrap_or_default();
    Shown {
        license: "",
        modelfile: modelfile(&model.name, &parameters, system),
        parameters: lines(&parameters),
        template: template(model.template.as_deref().unwrap_or_default(), model.abilities),
        system,
        details: model.into(),
        model_info: facts(model),
        capabilities: capabilities(model.abilities),
        modified_at: model.modified.into(),
    }
}

/// What requests that say nothing get, by the names of options.
fn parameters(model: &ModelInfo) -> Vec<(&'static str, String)> {
    let defaults = &model.defaults;
    let number = |value: Option<f64>| value.map(|value| value.to_string());
    let integer = |value: Option<i64>| value.map(|value| value.to_string());
    let mut all: Vec<(&str, String)> = [
        ("num_ctx", Some(model.context.to_string())),
        ("num_predict", integer(defaults.max_new_tokens)),
        ("temperature", number(defaults.temperature)),
        ("top_k", integer(defaults.top_k)),
        ("top_p", number(defaults.top_p)),
        ("repeat_penalty", number(defaults.repeat_penalty)),
        ("frequency_penalty", number(defaults.frequency_penalty)),
        ("presence_penalty", number(defaults.presence_penalty)),
        ("seed", integer(defaults.seed)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let quoted = |stop: &String| serde_json::to_string(stop).expect("texts serialise");
    all.extend(defaults.stop.iter().map(|stop| ("stop", quoted(stop))));
    all
}

/// One parameter per line, in columns.
fn lines(parameters: &[(&str, String)]) -> String {
    let line = |(name, value): &(&str, String)| format!("{name:<30} {value}");
    parameters.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn modelfile(name: &str, parameters: &[(&str, String)], system: &str) -> String {
    let mut text = format!("FROM {name}\n");
    for (name, value) in parameters {
        let _ = writeln!(text, "PARAMETER {name} {value}");
    }
    if !system.is_empty() {
        let _ = writeln!(text, "SYSTEM \"\"\"{system}\"\"\"");
    }
    text
}

/// The chat template. Programs look in it for words that say what the model can do, so it has them
/// exactly where that is so.
fn template(source: &str, able: Abilities) -> String {
    const TOOLS: &str = "tools";
    const SUFFIX: &str = ".Suffix";
    let says_more =
        source.contains(TOOLS) && !able.tools || source.contains(SUFFIX) && !able.insert;
    let mut text = if source.is_empty() || says_more { "{{ .Prompt }}" } else { source }.to_owned();
    if able.tools && !text.contains(TOOLS) {
        text.push_str("{# .Tools: tools #}");
    }
    if able.insert && !text.contains(SUFFIX) {
        text.push_str("{# .Suffix #}");
    }
    text
}

/// The model's facts by the names of GGUF.
fn facts(model: &ModelInfo) -> Map<String, Value> {
    let family = family(model);
    let mut facts = Map::new();
    facts.insert("general.architecture".to_owned(), family.into());
    facts.insert("general.basename".to_owned(), model.name.as_str().into());
    if let Some(count) = count(&model.parameter_size) {
        facts.insert("general.parameter_count".to_owned(), count.into());
    }
    facts.insert(format!("{family}.context_length"), model.context.into());
    if let Some(length) = model.embedding_length {
        facts.insert(format!("{family}.embedding_length"), length.into());
    }
    facts
}

/// The number that a size such as `0.6B` or `135M` stands for.
fn count(size: &str) -> Option<u64> {
    let unit = match size.chars().next_back()?.to_ascii_uppercase() {
        'K' => 1e3,
        'M' => 1e6,
        'B' => 1e9,
        'T' => 1e12,
        _ => return None,
    };
    let number: f64 = size[..size.len() - 1].parse().ok()?;
    (0.0..1e6).contains(&number).then_some((number * unit).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::super::details::example;
    use super::*;

    #[test]
    fn everything_is_there() {
        let model = ModelInfo { system: Some("Be brief.".into()), ..example() };
        insta::assert_json_snapshot!(shown(&model), @r#"
        {
          "license": "",
          "modelfile": "FROM qwen3-0.6b\nPARAMETER num_ctx 4096\nPARAMETER temperature 0.7\nPARAMETER stop \"<|im_end|>\"\nSYSTEM \"\"\"Be brief.\"\"\"\n",
          "parameters": "num_ctx                        4096\ntemperature                    0.7\nstop                           \"<|im_end|>\"",
          "template": "{% if tools %}{{ tools }}{% endif %}{{ messages }}",
          "system": "Be brief.",
          "details": {
            "parent_model": "",
            "format": "rkllm",
            "family": "qwen3",
            "families": [
              "qwen3"
            ],
            "parameter_size": "0.6B",
            "quantization_level": "w8a8"
          },
          "model_info": {
            "general.architecture": "qwen3",
            "general.basename": "qwen3-0.6b",
            "general.parameter_count": 600000000,
            "qwen3.context_length": 4096,
            "qwen3.embedding_length": 1024
          },
          "capabilities": [
            "completion",
            "tools",
            "thinking"
          ],
          "modified_at": "2026-01-02T03:04:05.123000000Z"
        }
        "#);
    }

    #[test]
    fn little_is_known_of_some_models() {
        let model = ModelInfo {
            architecture: String::new(),
            parameter_size: String::new(),
            embedding_length: None,
            template: None,
            abilities: Abilities::default(),
            ..example()
        };
        let shown = shown(&model);
        assert_eq!(shown.template, "{{ .Prompt }}");
        assert_eq!(shown.model_info["general.architecture"], "rkllm");
        assert_eq!(shown.model_info["rkllm.context_length"], 4096);
        assert!(!shown.model_info.contains_key("general.parameter_count"));
        assert!(!shown.model_info.contains_key("rkllm.embedding_length"));
    }

    #[test]
    fn the_template_says_what_the_model_can_do() {
        let tools = Abilities { tools: true, ..Abilities::default() };
        let insert = Abilities { insert: true, ..Abilities::default() };
        for source in ["", "{{ messages }}", "{{ tools }}", "{{ .Suffix }}"] {
            for able in [Abilities::default(), tools, insert] {
                let text = template(source, able);
                assert_eq!(text.contains("tools"), able.tools, "{text}");
                assert_eq!(text.contains(".Suffix"), able.insert, "{text}");
                assert!(!text.is_empty());
            }
        }
    }

    #[test]
    fn sizes_are_numbers() {
        assert_eq!(count("0.6B"), Some(600_000_000));
        assert_eq!(count("135M"), Some(135_000_000));
        for unknown in ["", "big", "B", "-1B", "1e300B", "€"] {
            assert_eq!(count(unknown), None, "{unknown}");
        }
    }
}
