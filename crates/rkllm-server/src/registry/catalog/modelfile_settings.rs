//! What the instructions of a `Modelfile` mean here.

use std::path::Path;

use super::described::{Described, integer, no_nul, read_text, readable};
use super::error::CatalogError;
use super::modelfile::{Instruction, instructions};
use super::settings::Lora;

/// Its name.
pub(super) const FILE: &str = "Modelfile";

/// Reads the file of a folder.
pub(super) fn read(folder: &Path) -> Result<Described, CatalogError> {
    let failed = |line, problem| CatalogError::Settings { file: FILE, line, problem };
    let text = read_text(&folder.join(FILE)).map_err(|problem| failed(None, problem))?;
    let found = instructions(&text).map_err(|(line, problem)| failed(Some(line), problem))?;
    let mut described = Described::default();
    for instruction in found {
        let line = Some(instruction.line);
        add(&mut described, instruction, folder).map_err(|problem| failed(line, problem))?;
    }
    Ok(described)
}

fn add(to: &mut Described, said: Instruction, folder: &Path) -> Result<(), String> {
    let Instruction { name, key, value, assigned, .. } = said;
    no_nul(&name, &value)?;
    match (name.as_str(), assigned) {
        ("FROM", _) if value.is_empty() => return Err("FROM names nothing".to_owned()),
        ("FROM", _) if to.from.is_some() => {
            return Err("there is a FROM already; name one model".to_owned());
        }
        ("FROM", _) => to.from = Some(value),
        ("SYSTEM", _) => to.settings.system = Some(value),
        ("TEMPLATE", _) if is_jinja(&value) => to.settings.template = Some(value),
        ("TEMPLATE", _) => to.ignored.push("TEMPLATE (it is not written in Jinja)".to_owned()),
        ("HUGGINGFACE_PATH", true) => to.origin = Some(value),
        ("ADAPTER", false) => {
            let path = readable(folder, "ADAPTER", &value)?;
            to.settings.lora = Some(Lora { path, scale: 1.0 });
        }
        ("PARAMETER", false) => {
            let key = key.filter(|key| !key.is_empty()).ok_or("PARAMETER names nothing")?;
            if !parameter(to, &key, value)? {
                to.ignored.push(format!("PARAMETER {key}"));
            }
        }
        (_, true) => {
            if !parameter(to, &name.to_lowercase(), value)? {
                to.ignored.push(name);
            }
        }
        (
            "LICENSE" | "MESSAGE" | "RENDERER" | "PARSER" | "REQUIRES" | "DRAFT" | "CAPABILITY",
            _,
        ) => {
            to.ignored.push(name);
        }
        _ => return Err(format!("{name} is no instruction; # begins a comment")),
    }
    Ok(())
}

/// Takes a parameter; false if there is no such one here.
fn parameter(to: &mut Described, name: &str, value: String) -> Result<bool, String> {
    let settings = &mut to.settings;
    let tuning = &mut settings.sampling;
    match name {
        "temperature" => tuning.temperature = Some(number(name, &value)?),
        "top_p" => tuning.top_p = Some(number(name, &value)?),
        "top_k" => tuning.top_k = Some(whole(name, &value)?),
        "repeat_penalty" => tuning.repeat_penalty = Some(number(name, &value)?),
        "frequency_penalty" => tuning.frequency_penalty = Some(number(name, &value)?),
        "presence_penalty" => tuning.presence_penalty = Some(number(name, &value)?),
        // -1 asks for other random numbers each time, as no seed does.
        "seed" => tuning.seed = Some(whole(name, &value)?).filter(|seed| *seed != -1),
        "stop" => tuning.stop.push(value),
        // 0 and less mean as much as fits, as no limit does.
        "num_predict" | "max_new_tokens" => {
            tuning.max_new_tokens = Some(whole(name, &value)?).filter(|limit| *limit > 0);
        }
        "num_ctx" => {
            let context = integer(name, whole(name, &value)?, 1)?;
            settings.context_length = Some(context.cast_unsigned());
        }
        "enable_thinking" => settings.enable_thinking = Some(truth(name, &value)?),
        // Off, which it is anyway.
        "mirostat" if value == "0" => {}
        _ => return Ok(false),
    }
    tuning.check().map_err(|error| error.message)?;
    Ok(true)
}

fn number(name: &str, value: &str) -> Result<f64, String> {
    value.parse().map_err(|_| format!("{name} is {value:?}; write a number"))
}

fn whole(name: &str, value: &str) -> Result<i64, String> {
    // Some programs write 40.0.
    let digits = value.strip_suffix(".0").unwrap_or(value);
    digits.parse().map_err(|_| format!("{name} is {value:?}; write a whole number"))
}

fn truth(name: &str, value: &str) -> Result<bool, String> {
    let lower = value.to_lowercase();
    lower.parse().map_err(|_| format!("{name} is {value:?}; write true or false"))
}

/// Whether a template is Jinja and not a Go template, which has the same braces but names values by
/// a leading dot: `{{ .Prompt }}`, `{{ if .System }}`, `{{ end }}`.
fn is_jinja(template: &str) -> bool {
    if template.contains("{%") {
        return true;
    }
    let mut actions = template.split("{{").skip(1).peekable();
    let is_go = |action: &str| {
        let action = action.split("}}").next().unwrap_or(action);
        let action = action.trim_matches(|c: char| c == '-' || c.is_whitespace());
        matches!(action, "end" | "else")
            || action.split([' ', '(']).any(|word| word.starts_with(['.', '$']))
    };
    actions.peek().is_some() && !actions.any(is_go)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Tuning;

    fn said(text: &str) -> Result<Described, CatalogError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        std::fs::write(folder.path().join("a.gguf"), "x").unwrap();
        read(folder.path())
    }

    fn refused(text: &str) -> String {
        said(text).unwrap_err().to_string()
    }

    #[test]
    fn as_rkllama_writes_it() {
        let text = r#"FROM="qwen.rkllm"
HUGGINGFACE_PATH="Qwen/Qwen3-1.7B"

# System prompt
SYSTEM="You are \"helpful\"."

TEMPERATURE=0.7
NUM_CTX=4096
MAX_NEW_TOKENS=1024
TOP_K=40
TOP_P=0.9
REPEAT_PENALTY=1.1
FREQUENCY_PENALTY=0.5
PRESENCE_PENALTY=0.25
MIROSTAT=0
MIROSTAT_TAU=3.0
ENABLE_THINKING=True
VISION_ENCODER="v.rknn"
"#;
        let described = said(text).unwrap();
        assert_eq!(described.from.as_deref(), Some("qwen.rkllm"));
        assert_eq!(described.origin.as_deref(), Some("Qwen/Qwen3-1.7B"));
        assert_eq!(described.ignored, ["MIROSTAT_TAU", "VISION_ENCODER"]);
        let settings = described.settings;
        assert_eq!(settings.system.as_deref(), Some("You are \"helpful\"."));
        assert_eq!(settings.context_length, Some(4096));
        assert_eq!(settings.enable_thinking, Some(true));
        let expected = Tuning {
            temperature: Some(0.7),
            top_p: Some(0.9),
            top_k: Some(40),
            repeat_penalty: Some(1.1),
            frequency_penalty: Some(0.5),
            presence_penalty: Some(0.25),
            max_new_tokens: Some(1024),
            ..Tuning::default()
        };
        assert_eq!(settings.sampling, expected);
    }

    #[test]
    fn as_ollama_writes_it() {
        let text = "FROM ./a.gguf\nADAPTER a.gguf\nTEMPLATE \"\"\"{{ if .System }}x{{ end }}\"\"\"\n\
            SYSTEM Be brief.\nPARAMETER stop \"<a>\"\nPARAMETER stop <b>\nPARAMETER top_k 40.0\n\
            PARAMETER seed -1\nPARAMETER num_predict -1\nPARAMETER mirostat 2\nLICENSE \"\"\"x\ny\"\"\"\n\
            MESSAGE user Hi";
        let described = said(text).unwrap();
        assert_eq!(
            described.ignored,
            ["TEMPLATE (it is not written in Jinja)", "PARAMETER mirostat", "LICENSE", "MESSAGE"]
        );
        let settings = described.settings;
        assert_eq!(settings.template, None);
        assert_eq!(settings.system.as_deref(), Some("Be brief."));
        assert_eq!(settings.lora.unwrap().scale, 1.0);
        let stop = vec!["<a>".into(), "<b>".into()];
        assert_eq!(settings.sampling, Tuning { top_k: Some(40), stop, ..Tuning::default() });
    }

    #[test]
    fn templates_in_jinja_are_taken() {
        for (template, jinja) in [
            ("{% for m in messages %}{{ m.content }}{% endfor %}", true),
            ("{{ messages[0].content }}", true),
            ("{{ .Prompt }}", false),
            ("{{- range $m := .Messages }}{{ end }}", false),
            ("{{ end }}", false),
            ("plain", false),
        ] {
            assert_eq!(is_jinja(template), jinja, "{template}");
        }
        let described = said("FROM a.gguf\nTEMPLATE {{ messages }}").unwrap();
        assert_eq!(described.settings.template.as_deref(), Some("{{ messages }}"));
    }

    #[test]
    fn problems_name_the_line() {
        insta::assert_snapshot!(refused("FROM a\nTEMPERATURE=hot"), @r#"Modelfile line 2: temperature is "hot"; write a number"#);
        insta::assert_snapshot!(refused("FROM a\n\nPARAMETER temperature 9.5"), @"Modelfile line 3: temperature is 9.5; send a number from 0 to 2");
        insta::assert_snapshot!(refused("NUM_CTX=0"), @"Modelfile line 1: num_ctx is 0; send an integer from 1 to 2147483647");
        insta::assert_snapshot!(refused("TOP_K=1.5"), @r#"Modelfile line 1: top_k is "1.5"; write a whole number"#);
        insta::assert_snapshot!(refused("ENABLE_THINKING=maybe"), @r#"Modelfile line 1: enable_thinking is "maybe"; write true or false"#);
        insta::assert_snapshot!(refused("COLOUR red"), @"Modelfile line 1: COLOUR is no instruction; # begins a comment");
        insta::assert_snapshot!(refused("PARAMETER"), @"Modelfile line 1: PARAMETER names nothing");
        insta::assert_snapshot!(refused("FROM"), @"Modelfile line 1: FROM names nothing");
        insta::assert_snapshot!(refused("FROM a\nFROM b"), @"Modelfile line 2: there is a FROM already; name one model");
        insta::assert_snapshot!(refused("ADAPTER no.gguf"), @"Modelfile line 1: ADAPTER names no.gguf, which cannot be read: No such file or directory (os error 2)");
        insta::assert_snapshot!(refused("SYSTEM a\0"), @"Modelfile line 1: SYSTEM contains U+0000 at byte 1, which models cannot take; remove it");
        insta::assert_snapshot!(refused("SYSTEM \"\"\"a"), @r#"Modelfile line 1: its """ is not closed"#);
    }
}
