//! `model.toml`: the settings of the model in its folder.

use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::described::{Described, integer, no_nul, read_text, readable};
use super::error::CatalogError;
use super::keep_alive;
use super::settings::{Library, Lora, Pooling, Reasoning, Settings};
use crate::generate::{Overflow, Tuning};
use crate::registry::KeepAlive;

/// Its name.
pub(super) const FILE: &str = "model.toml";

/// The scales that an adapter can have.
const LORA_SCALES: std::ops::RangeInclusive<f64> = -10.0..=10.0;

/// Most characters of a line that an error shows.
const MAX_SHOWN: usize = 80;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wire {
    file: Option<String>,
    aliases: Vec<String>,
    template: Option<String>,
    template_file: Option<String>,
    tool_format: Option<String>,
    reasoning: Option<Reasoning>,
    enable_thinking: Option<bool>,
    system: Option<String>,
    sampling: WireSampling,
    context_length: Option<i64>,
    overflow: Option<Overflow>,
    runtime: Option<String>,
    runtime_version: Option<String>,
    #[serde(deserialize_with = "keep_alive::deserialize")]
    keep_alive: Option<KeepAlive>,
    pinned: bool,
    lora: Option<WireLora>,
    eos_token_ids: Vec<i64>,
    pooling: Option<Pooling>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WireSampling {
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<i64>,
    repeat_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    max_new_tokens: Option<i64>,
    seed: Option<i64>,
    stop: Vec<String>,
}

impl From<WireSampling> for Tuning {
    fn from(wire: WireSampling) -> Self {
        Self {
            temperature: wire.temperature,
            top_p: wire.top_p,
            top_k: wire.top_k,
            repeat_penalty: wire.repeat_penalty,
            frequency_penalty: wire.frequency_penalty,
            presence_penalty: wire.presence_penalty,
            max_new_tokens: wire.max_new_tokens,
            seed: wire.seed,
            stop: wire.stop,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireLora {
    path: String,
    #[serde(default = "whole")]
    scale: f64,
}

fn whole() -> f64 {
    1.0
}

/// Reads the file of a folder.
pub(super) fn read(folder: &Path) -> Result<Described, CatalogError> {
    let text = read_text(&folder.join(FILE)).map_err(|problem| failed(None, problem))?;
    parse(&text, folder)
}

/// Reads what the file says; paths in it are relative to `folder`.
pub(super) fn parse(text: &str, folder: &Path) -> Result<Described, CatalogError> {
    let deserializer = toml::Deserializer::parse(text).map_err(|error| syntax(text, "", &error))?;
    let wire: Wire = serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        syntax(text, if path == "." { "" } else { &path }, error.inner())
    })?;
    Checked { text, folder }.settings(wire)
}

fn failed(line: Option<usize>, problem: impl Into<String>) -> CatalogError {
    CatalogError::Settings { file: FILE, line, problem: problem.into() }
}

fn syntax(text: &str, field: &str, error: &toml::de::Error) -> CatalogError {
    let line = error.span().map(|span| line_at(text, span.start));
    match (field, error.message()) {
        // Nobody but the line itself knows the field.
        ("", message) => {
            let shown = line.and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
            let shown: String = shown.trim().chars().take(MAX_SHOWN).collect();
            failed(line, format!("{message}, in: {shown}"))
        }
        // This message names the field itself, and those that there are.
        (_, message) if message.starts_with("unknown field") => failed(line, message),
        (field, message) => failed(line, format!("{field}: {message}")),
    }
}

fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// Checks what the types do not say. A failure names the line of its field.
struct Checked<'a> {
    text: &'a str,
    folder: &'a Path,
}

impl Checked<'_> {
    fn settings(&self, wire: Wire) -> Result<Described, CatalogError> {
        self.texts(&wire)?;
        let sampling = Tuning::from(wire.sampling);
        sampling.check().map_err(|error| {
            let name = |c: char| !(c.is_ascii_lowercase() || c == '_');
            let field = error.message.split(name).next().unwrap_or_default();
            failed(self.line(&["sampling", field]), error.message.as_str())
        })?;
        for (index, stop) in sampling.stop.iter().enumerate() {
            self.at(&["sampling", "stop"], no_nul(&format!("stop[{index}]"), stop))?;
        }
        let context_length = wire
            .context_length
            .map(|value| self.at(&["context_length"], integer("context_length", value, 1)));
        let settings = Settings {
            tool_format: wire.tool_format,
            reasoning: wire.reasoning,
            enable_thinking: wire.enable_thinking,
            system: wire.system,
            sampling,
            context_length: context_length.transpose()?.map(i32::cast_unsigned),
            overflow: wire.overflow,
            keep_alive: wire.keep_alive,
            pinned: wire.pinned,
            pooling: wire.pooling,
            template: self.template(wire.template, wire.template_file)?,
            runtime: self.runtime(wire.runtime, wire.runtime_version)?,
            lora: wire.lora.map(|lora| self.lora(lora)).transpose()?,
            eos_token_ids: self.eos(&wire.eos_token_ids)?,
        };
        Ok(Described { from: wire.file, aliases: wire.aliases, settings, ..Described::default() })
    }

    fn texts(&self, wire: &Wire) -> Result<(), CatalogError> {
        let reasoning = wire.reasoning.as_ref();
        for (keys, text) in [
            (&["tool_format"][..], wire.tool_format.as_deref()),
            (&["reasoning", "start"], reasoning.map(|tags| tags.start.as_str())),
            (&["reasoning", "end"], reasoning.map(|tags| tags.end.as_str())),
            (&["file"], wire.file.as_deref()),
        ] {
            if text == Some("") {
                let problem = format!("{} is empty; leave out {}", keys.join("."), keys[0]);
                return Err(failed(self.line(keys), problem));
            }
        }
        for (name, text) in [("system", &wire.system), ("template", &wire.template)] {
            if let Some(text) = text {
                self.at(&[name], no_nul(name, text))?;
            }
        }
        Ok(())
    }

    fn template(
        &self,
        inline: Option<String>,
        file: Option<String>,
    ) -> Result<Option<String>, CatalogError> {
        match (inline, file) {
            (Some(_), Some(_)) => Err(failed(
                self.line(&["template_file"]),
                "template and template_file mean the same; leave one out",
            )),
            (inline, None) => Ok(inline),
            (None, Some(file)) => {
                let text = read_text(&self.folder.join(&file)).map_err(|problem| {
                    format!("template_file names {file}, which cannot be read: {problem}")
                });
                let keys = ["template_file"];
                let text = self.at(&keys, text)?;
                self.at(&keys, no_nul(&file, &text))?;
                Ok(Some(text))
            }
        }
    }

    fn runtime(
        &self,
        file: Option<String>,
        version: Option<String>,
    ) -> Result<Option<Library>, CatalogError> {
        match (file, version) {
            (Some(_), Some(_)) => Err(failed(
                self.line(&["runtime_version"]),
                "runtime and runtime_version both choose the runtime; leave one out",
            )),
            (Some(file), None) => {
                let file = self.at(&["runtime"], readable(self.folder, "runtime", &file))?;
                Ok(Some(Library::File(file)))
            }
            (None, Some(version)) => {
                let numbers: Vec<_> = version.split('.').map(str::parse::<u16>).collect();
                if numbers.len() == 3 && numbers.iter().all(Result::is_ok) {
                    return Ok(Some(Library::Version(version)));
                }
                let problem = format!("runtime_version is {version:?}; write it like \"1.2.3\"");
                Err(failed(self.line(&["runtime_version"]), problem))
            }
            (None, None) => Ok(None),
        }
    }

    fn lora(&self, lora: WireLora) -> Result<Lora, CatalogError> {
        let path = self.at(&["lora", "path"], readable(self.folder, "lora.path", &lora.path))?;
        if LORA_SCALES.contains(&lora.scale) {
            return Ok(Lora { path, scale: lora.scale });
        }
        let (lowest, highest) = LORA_SCALES.into_inner();
        let scale = lora.scale;
        let problem = format!("lora.scale is {scale:?}; send a number from {lowest} to {highest}");
        Err(failed(self.line(&["lora", "scale"]), problem))
    }

    fn eos(&self, ids: &[i64]) -> Result<Vec<i32>, CatalogError> {
        let checked = ids.iter().enumerate().map(|(index, id)| {
            self.at(&["eos_token_ids"], integer(&format!("eos_token_ids[{index}]"), *id, 0))
        });
        checked.collect()
    }

    fn at<T>(&self, keys: &[&str], result: Result<T, String>) -> Result<T, CatalogError> {
        result.map_err(|problem| failed(self.line(keys), problem))
    }

    /// Where a key stands in the file.
    fn line(&self, keys: &[&str]) -> Option<usize> {
        let table = DeTable::parse(self.text).ok()?;
        let mut table = table.get_ref();
        let mut line = None;
        for key in keys {
            let (name, value) = table.iter().find(|(name, _)| name.get_ref().as_ref() == *key)?;
            line = Some(line_at(self.text, name.span().start));
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(text: &str) -> Result<Described, CatalogError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("chat.jinja", "{{ messages }}"), ("nul.jinja", "\0")] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        parse(text, folder.path())
    }

    fn refused(text: &str) -> String {
        said(text).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_example_says_everything() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/models.md");
        let docs = std::fs::read_to_string(docs).unwrap();
        let example = docs.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["chat.jinja", "librkllmrt.so", "tone.rkllm"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let described = parse(example, folder.path()).unwrap();
        let settings = described.settings;
        assert_eq!(described.from.as_deref(), Some("Qwen3-1.7B-w8a8-rk3588.rkllm"));
        assert_eq!(described.aliases, ["qwen3", "assistant"]);
        let expected = Settings {
            template: Some("chat.jinja".into()),
            tool_format: Some("hermes".into()),
            reasoning: Some(Reasoning { start: "<think>".into(), end: "</think>".into() }),
            enable_thinking: Some(false),
            system: Some("You are a helpful assistant.".into()),
            sampling: Tuning {
                temperature: Some(0.7),
                top_p: Some(0.8),
                top_k: Some(20),
                repeat_penalty: Some(1.05),
                frequency_penalty: Some(0.0),
                presence_penalty: Some(0.0),
                max_new_tokens: Some(1024),
                seed: Some(7),
                stop: vec!["<|im_end|>".into()],
            },
            context_length: Some(4096),
            overflow: Some(Overflow::DropOldest),
            runtime: Some(Library::File(folder.path().join("librkllmrt.so"))),
            keep_alive: Some(KeepAlive::For(Duration::from_secs(1800))),
            pinned: true,
            lora: Some(Lora { path: folder.path().join("tone.rkllm"), scale: 0.5 }),
            eos_token_ids: vec![151645, 151643],
            pooling: Some(Pooling::Last),
        };
        assert_eq!(settings, expected);
        // Every key that exists stands in the example or, where two exclude each other, below it.
        let unknown = refused("colour = 1");
        for key in unknown.split('`').skip(3).step_by(2) {
            assert!(docs.contains(&format!("`{key}`")), "{key} is not documented");
        }
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(said("").unwrap(), Described::default());
    }

    #[test]
    fn one_of_two_that_exclude_each_other() {
        let settings = |text| said(text).unwrap().settings;
        let version = settings("runtime_version = \"1.2.3\"").runtime;
        assert_eq!(version, Some(Library::Version("1.2.3".into())));
        assert_eq!(settings("template = \"x\"").template.as_deref(), Some("x"));
        let from_file = settings("template_file = \"chat.jinja\"").template;
        assert_eq!(from_file.as_deref(), Some("{{ messages }}"));
        insta::assert_snapshot!(refused("template = \"x\"\ntemplate_file = \"chat.jinja\""), @"model.toml line 2: template and template_file mean the same; leave one out");
        insta::assert_snapshot!(refused("runtime = \"x\"\nruntime_version = \"1.2.3\""), @"model.toml line 2: runtime and runtime_version both choose the runtime; leave one out");
        insta::assert_snapshot!(refused("runtime_version = \"1.2\""), @r#"model.toml line 1: runtime_version is "1.2"; write it like "1.2.3""#);
    }

    #[test]
    fn syntax_errors_name_line_and_field() {
        insta::assert_snapshot!(refused("\npinned = 1 2"), @"model.toml line 2: string values must be quoted, expected literal string, in: pinned = 1 2");
        insta::assert_snapshot!(refused("\npinned = 1"), @"model.toml line 2: pinned: invalid type: integer `1`, expected a boolean");
        insta::assert_snapshot!(refused("\n[sampling]\ntop_p = \"x\""), @r#"model.toml line 3: sampling.top_p: invalid type: string "x", expected f64"#);
        insta::assert_snapshot!(refused("[sampling]\nmin_p = 1"), @"model.toml line 2: unknown field `min_p`, expected one of `temperature`, `top_p`, `top_k`, `repeat_penalty`, `frequency_penalty`, `presence_penalty`, `max_new_tokens`, `seed`, `stop`");
        insta::assert_snapshot!(refused("overflow = \"shift\""), @"model.toml line 1: overflow: unknown variant `shift`, expected `refuse` or `drop-oldest`");
        insta::assert_snapshot!(refused("\nkeep_alive = \"soon\""), @r#"model.toml line 2: keep_alive: "soon" is no time; write seconds or "5m""#);
        insta::assert_snapshot!(refused("reasoning = { start = \"<think>\" }"), @"model.toml line 1: reasoning: missing field `end`");
        insta::assert_snapshot!(refused("pinned = true\npinned = true"), @"model.toml line 2: duplicate key, in: pinned = true");
    }

    #[test]
    fn ranges_have_the_words_of_requests() {
        insta::assert_snapshot!(refused("\n[sampling]\n# hot\ntemperature = 9.5"), @"model.toml line 4: temperature is 9.5; send a number from 0 to 2");
        insta::assert_snapshot!(refused("sampling.top_k = -1"), @"model.toml line 1: top_k is -1; send an integer from 0 to 1000000");
        insta::assert_snapshot!(refused("context_length = 0"), @"model.toml line 1: context_length is 0; send an integer from 1 to 2147483647");
        insta::assert_snapshot!(refused("eos_token_ids = [1, -1]"), @"model.toml line 1: eos_token_ids[1] is -1; send an integer from 0 to 2147483647");
        insta::assert_snapshot!(refused("lora = { path = \"chat.jinja\", scale = 11 }"), @"model.toml line 1: lora.scale is 11.0; send a number from -10 to 10");
        insta::assert_snapshot!(refused("system = \"a\\u0000\""), @"model.toml line 1: system contains U+0000 at byte 1, which models cannot take; remove it");
        insta::assert_snapshot!(refused("sampling.stop = [\"\", \"\\u0000\"]"), @"model.toml line 1: stop[1] contains U+0000 at byte 0, which models cannot take; remove it");
        insta::assert_snapshot!(refused("[reasoning]\nstart = \"\"\nend = \"x\""), @"model.toml line 2: reasoning.start is empty; leave out reasoning");
    }

    #[test]
    fn files_must_be_there() {
        insta::assert_snapshot!(refused("template_file = \"no.jinja\""), @"model.toml line 1: template_file names no.jinja, which cannot be read: No such file or directory (os error 2)");
        insta::assert_snapshot!(refused("template_file = \"nul.jinja\""), @"model.toml line 1: nul.jinja contains U+0000 at byte 0, which models cannot take; remove it");
        insta::assert_snapshot!(refused("template_file = \".\""), @"model.toml line 1: template_file names ., which cannot be read: it is no regular file");
        insta::assert_snapshot!(refused("\nruntime = \"librkllmrt.so\""), @"model.toml line 2: runtime names librkllmrt.so, which cannot be read: No such file or directory (os error 2)");
        insta::assert_snapshot!(refused("lora = { path = \"no.rkllm\" }"), @"model.toml line 1: lora.path names no.rkllm, which cannot be read: No such file or directory (os error 2)");
    }
}
