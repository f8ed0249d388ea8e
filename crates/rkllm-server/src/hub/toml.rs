//! `model.toml` as it is written: what the user has in it stays as it is.

use std::io::ErrorKind;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::fault;
use crate::error::{Code, Error};
use crate::generate::Tuning;

/// Its name.
pub(super) const FILE: &str = "model.toml";

/// What a new model has other than the one that it is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) system: Option<String>,
    pub(crate) sampling: Tuning,
    /// Tokens of prompt and answer together.
    pub(crate) context_length: Option<i64>,
}

/// The settings of one model.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingsFile(DocumentMut);

impl SettingsFile {
    /// Reads the file of a folder; empty where there is none.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(fault::storage("read", &path, &error)),
        };
        text.parse().map(Self).map_err(|error: toml_edit::TomlError| {
            let (path, problem) = (path.display(), error.message());
            Error::new(Code::StorageFailed, format!("{path} is not valid TOML: {problem}; mend it"))
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }

    /// Whether clients can call the model that.
    pub(super) fn has_alias(&self, alias: &str) -> bool {
        let aliases = self.0.get("aliases").and_then(Item::as_array);
        let named = |name: &str| name.eq_ignore_ascii_case(alias);
        aliases.is_some_and(|aliases| aliases.iter().filter_map(|name| name.as_str()).any(named))
    }

    pub(super) fn add_alias(&mut self, alias: &str) {
        if self.has_alias(alias) {
            return;
        }
        let aliases = self.0.entry("aliases").or_insert_with(|| value(Array::new()));
        if let Some(aliases) = aliases.as_array_mut() {
            aliases.push(alias);
        }
    }

    /// Leaves no other name than this one; names of the model that it was made from are still that
    /// one's.
    pub(super) fn only_alias(&mut self, alias: Option<&str>) {
        if let Some(aliases) = self.0.get_mut("aliases").and_then(Item::as_array_mut) {
            aliases.clear();
        }
        if let Some(alias) = alias {
            self.add_alias(alias);
        }
    }

    pub(super) fn change(&mut self, changes: Changes) {
        if let Some(system) = changes.system {
            self.0["system"] = value(system);
        }
        if let Some(context_length) = changes.context_length {
            self.0["context_length"] = value(context_length);
        }
        if changes.sampling != Tuning::default() {
            let sampling = self.0.entry("sampling").or_insert_with(|| Item::Table(Table::new()));
            sample(sampling, changes.sampling);
        }
    }
}

fn sample(sampling: &mut Item, tuning: Tuning) {
    let numbers = [
        ("temperature", tuning.temperature),
        ("top_p", tuning.top_p),
        ("repeat_penalty", tuning.repeat_penalty),
        ("frequency_penalty", tuning.frequency_penalty),
        ("presence_penalty", tuning.presence_penalty),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            sampling[name] = value(number);
        }
    }
    let integers =
        [("top_k", tuning.top_k), ("max_new_tokens", tuning.max_new_tokens), ("seed", tuning.seed)];
    for (name, integer) in integers {
        if let Some(integer) = integer {
            sampling[name] = value(integer);
        }
    }
    if !tuning.stop.is_empty() {
        sampling["stop"] = value(Array::from_iter(tuning.stop));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SettingsFile {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        SettingsFile::read(folder.path()).unwrap()
    }

    #[test]
    fn what_is_there_stays() {
        let mut file = file(
            "# mine\naliases = [\"old\"] # names\npinned = true\n\n[sampling]\ntop_k = 5 # few\n",
        );
        file.only_alias(Some("new:v1"));
        file.add_alias("NEW:V1");
        let sampling = Tuning {
            temperature: Some(0.5),
            stop: vec!["\n\"x\"".into()],
            seed: Some(7),
            ..Tuning::default()
        };
        let system = Some("Be brief.\nBe kind.".to_owned());
        file.change(Changes { system, sampling, context_length: Some(2048) });
        insta::assert_snapshot!(file.text(), @r#"
        # mine
        aliases = ["new:v1"] # names
        pinned = true
        system = """
        Be brief.
        Be kind."""
        context_length = 2048

        [sampling]
        top_k = 5 # few
        temperature = 0.5
        seed = 7
        stop = ["""

        "x""""]
        "#);
    }

    #[test]
    fn nothing_is_written_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut none = SettingsFile::read(folder.path()).unwrap();
        none.change(Changes::default());
        none.only_alias(None);
        assert!(none.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "x = ").unwrap();
        let error = SettingsFile::read(folder.path()).unwrap_err().message;
        assert!(error.contains("model.toml is not valid TOML"), "{error}");
    }
}
