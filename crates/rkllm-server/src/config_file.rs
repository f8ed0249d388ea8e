//! The file that flags can be written into.

use std::any::TypeId;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, Id};
use toml::de::{DeTable, DeValue};

use crate::config::ConfigError;

/// Flags that make no sense in the file.
const TYPED_ONLY: [&str; 3] = ["config", "help", "version"];
/// How alike a key must be to what somebody may have meant, from 0 to 1.
const ALIKE: f64 = 0.8;

/// A configuration file: `flag = value`, with underscores in the names of flags.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    text: String,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError::File`] when it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
            what: "configuration file",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// The command with what the file says as defaults, over which variables and flags win. Paths are
    /// relative to the file's folder.
    ///
    /// # Errors
    /// [`ConfigError::Line`] for what is no flag, or no value of it.
    pub(crate) fn defaults(&self, mut command: Command) -> Result<Command, ConfigError> {
        let table = DeTable::parse(&self.text)
            .map_err(|error| self.at(error.span().map_or(0, |span| span.start), error.message()))?;
        let mut said: HashMap<Id, &str> = HashMap::new();
        // In the order in which they stand, so that the first fault is the one that is told.
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let (key, place) = (key.get_ref().as_ref(), key.span().start);
            let arg = find(&command, key).ok_or_else(|| self.at(place, &unknown(&command, key)))?;
            let id = arg.get_id().clone();
            if let Some(other) = said.insert(id.clone(), key) {
                let message = format!("{other} and {key} are the same; leave one out");
                return Err(self.at(place, &message));
            }
            let values = self
                .values(arg, value.get_ref())
                .ok_or_else(|| self.at(place, &format!("{key} {}", wanted(arg))))?;
            command = command.mut_arg(id, |arg| not_needed(arg).default_values(values));
            check(&command).map_err(|message| self.at(place, &message))?;
        }
        Ok(command)
    }

    /// What a flag would be given on the command line.
    fn values(&self, arg: &Arg, value: &DeValue<'_>) -> Option<Vec<OsString>> {
        match (value, arg.get_action()) {
            (DeValue::Array(list), ArgAction::Append) => {
                list.iter().map(|value| self.value(arg, value.get_ref())).collect()
            }
            (DeValue::Boolean(_), ArgAction::SetTrue | ArgAction::SetFalse)
            | (_, ArgAction::Set | ArgAction::Append) => Some(vec![self.value(arg, value)?]),
            _ => None,
        }
    }

    fn value(&self, arg: &Arg, value: &DeValue<'_>) -> Option<OsString> {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(value) => value.to_string(),
            _ => return None,
        };
        if arg.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
            let folder = self.path.parent().unwrap_or(Path::new(""));
            return Some(folder.join(text).into_os_string());
        }
        Some(text.into())
    }

    fn at(&self, byte: usize, problem: &str) -> ConfigError {
        let line = self.text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1;
        ConfigError::Line { path: self.path.clone(), line, problem: problem.to_owned() }
    }
}

/// The command without flags that have to be there.
pub(crate) fn optional(command: Command) -> Command {
    command.mut_args(not_needed)
}

/// A flag that need not be there.
pub(crate) fn not_needed(arg: Arg) -> Arg {
    arg.required(false).required_unless_present(Resettable::<Id>::Reset)
}

/// The names of a flag as keys.
fn keys(arg: &Arg) -> impl Iterator<Item = String> {
    let names = arg.get_long_and_visible_aliases().unwrap_or_default();
    names.into_iter().map(|name| name.replace('-', "_"))
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !TYPED_ONLY.contains(&arg.get_id().as_str()))
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    flags(command).find(|arg| keys(arg).any(|known| known == key))
}

fn unknown(command: &Command, key: &str) -> String {
    let alike = |known: &String| strsim::jaro_winkler(known, key);
    let nearest = flags(command)
        .flat_map(keys)
        .filter(|known| alike(known) >= ALIKE)
        .max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match nearest {
        Some(known) => format!("there is no {key}; did you mean {known}?"),
        None => format!("there is no {key}; --help lists the flags, whose names are the keys"),
    }
}

fn wanted(arg: &Arg) -> &'static str {
    match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => "must be true or false",
        ArgAction::Append => "must be a text or a list of texts",
        _ => "must be a text or a decimal number",
    }
}

/// Whether the defaults of a command are values that its flags can have.
fn check(command: &Command) -> Result<(), String> {
    let alone = optional(command.clone()).mut_args(|arg| arg.env(None));
    let Err(error) = alone.try_get_matches_from([command.get_name()]) else {
        return Ok(());
    };
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    Err(first.trim_start_matches("error: ").to_owned())
}

#[cfg(test)]
mod tests {
    use clap::value_parser;

    use super::*;

    fn command() -> Command {
        let flag = |name: &'static str| Arg::new(name).long(name);
        Command::new("server").args([
            flag("model").visible_alias("model-path").value_parser(value_parser!(PathBuf)),
            flag("port").value_parser(value_parser!(u16)).default_value("5000"),
            flag("keep-alive").allow_negative_numbers(true),
            flag("origin").action(ArgAction::Append),
            flag("quiet").action(ArgAction::SetTrue),
            flag("needed").required(true),
            // A variable that is set in every test.
            flag("path").env("PATH"),
            flag("config"),
        ])
    }

    fn file(text: &str) -> ConfigFile {
        ConfigFile { path: "/etc/rkllm/server.toml".into(), text: text.into() }
    }

    /// What a flag is when the file says `text` and `typed` is typed.
    fn read(text: &str, typed: &[&str], flag: &str) -> Vec<String> {
        let command = file(text).defaults(command()).unwrap();
        let typed = ["server"].iter().chain(typed);
        let matches = command.try_get_matches_from(typed).unwrap();
        let values = matches.get_raw(flag).unwrap();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    fn refused(text: &str) -> String {
        file(text).defaults(command()).unwrap_err().to_string()
    }

    #[test]
    fn flags_win_over_variables_over_the_file_over_defaults() {
        assert_eq!(read("", &["--needed", "x"], "port"), ["5000"]);
        let file = "port = 5001\npath = \"file\"\nneeded = \"x\"";
        assert_eq!(read(file, &[], "port"), ["5001"]);
        assert_eq!(read(file, &["--port", "5002"], "port"), ["5002"]);
        assert_eq!(read(file, &[], "path"), [std::env::var("PATH").unwrap()]);
        assert_eq!(read(file, &["--path", "typed"], "path"), ["typed"]);
    }

    #[test]
    fn values_of_every_kind() {
        let said = |line: &str, flag| read(&format!("needed = \"x\"\n{line}"), &[], flag);
        assert_eq!(said("keep_alive = \"5m\"", "keep-alive"), ["5m"]);
        assert_eq!(said("keep_alive = -1", "keep-alive"), ["-1"]);
        assert_eq!(said("keep_alive = 0.5", "keep-alive"), ["0.5"]);
        assert_eq!(said("origin = [\"a\", \"b\"]", "origin"), ["a", "b"]);
        assert_eq!(said("origin = \"a\"", "origin"), ["a"]);
        assert_eq!(said("quiet = true", "quiet"), ["true"]);
        assert_eq!(said("model = \"m.gguf\"", "model"), ["/etc/rkllm/m.gguf"]);
        assert_eq!(said("model_path = \"/m.gguf\"", "model"), ["/m.gguf"]);
    }

    #[test]
    fn faults_have_a_line() {
        let faults = [
            "port = 5000\nprot = 1",
            "\n[server]\nport = 1",
            "config = \"other.toml\"",
            "# a port\nport = \"http\"",
            "port = 99999",
            "port = [1, 2]",
            "port = 0x1388",
            "keep_alive = 2020-01-01",
            "quiet = \"yes\"",
            "origin = [[\"a\"]]",
            "model = \"a\"\nmodel_path = \"b\"",
            "port = 1\nport = 2",
            "port: 1",
        ];
        insta::assert_snapshot!(faults.map(refused).join("\n"));
    }
}
