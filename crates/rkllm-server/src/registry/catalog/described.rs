//! What the files beside a model say about it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::settings::Settings;

/// Largest text file that is read.
const MAX_TEXT: u64 = 1 << 20;

/// What `model.toml` or a `Modelfile` says about a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Described {
    /// The model file or, from a `Modelfile`, possibly the name of another model.
    pub(super) from: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) settings: Settings,
    /// What was said and is not honoured.
    pub(super) ignored: Vec<String>,
    /// The Hugging Face repository that the model was made from.
    pub(super) origin: Option<String>,
}

/// Reads a small text file.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let file = open(path)?;
    let mut text = Vec::new();
    file.take(MAX_TEXT + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_TEXT {
        return Err(format!("it is larger than {MAX_TEXT} bytes"));
    }
    let text = String::from_utf8(text).map_err(|_| "it is not UTF-8")?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Opens a file. Pipes and devices are refused: reading them may never end.
pub(super) fn open(path: &Path) -> Result<File, String> {
    let metadata = path.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    File::open(path).map_err(|error| error.to_string())
}

/// The file that a setting names, relative to the model's folder, if it can be read.
pub(super) fn readable(folder: &Path, name: &str, path: &str) -> Result<PathBuf, String> {
    let file = folder.join(path);
    match open(&file) {
        Ok(_) => Ok(file),
        Err(problem) => Err(format!("{name} names {path}, which cannot be read: {problem}")),
    }
}

/// Refuses what models cannot take, in the words that requests are refused with.
pub(super) fn no_nul(name: &str, text: &str) -> Result<(), String> {
    match text.find('\0') {
        Some(at) => {
            Err(format!("{name} contains U+0000 at byte {at}, which models cannot take; remove it"))
        }
        None => Ok(()),
    }
}

/// Refuses a number outside its range, in the words that requests are refused with.
pub(super) fn integer(name: &str, value: i64, lowest: i64) -> Result<i32, String> {
    let number = i32::try_from(value).ok().filter(|_| value >= lowest);
    let highest = i32::MAX;
    number.ok_or_else(|| format!("{name} is {value}; send an integer from {lowest} to {highest}"))
}
