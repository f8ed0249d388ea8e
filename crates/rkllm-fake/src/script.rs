//! A script and its log in a folder of their own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// By this line the library knows a model file that is a script.
const MARK: &str = "# rkllm-fake";

/// Between two looks at the log.
const POLL: Duration = Duration::from_millis(2);

/// What the library is to do, and what it logged; deleted when dropped.
///
/// The file is at the same time a model for the library: a session that loads [`Script::model`]
/// follows it, whatever other scripts there are in the process. It is read at each init, run and
/// destroy, so a change takes effect with the next one.
///
/// ```
/// let script = rkllm_fake::Script::new();
/// script.set("TOKENS", 3).set("CRASH_IN", "decode");
/// let mut server = std::process::Command::new("rkllm-server");
/// server.envs(script.env()).arg("--model").arg(script.model());
/// ```
#[derive(Debug)]
pub struct Script {
    dir: TempDir,
    model: PathBuf,
    values: Mutex<BTreeMap<String, String>>,
}

impl Script {
    /// A script without keys but that of its log.
    ///
    /// # Panics
    ///
    /// When no file can be written.
    #[must_use]
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("tests can write to the folder for temporary files");
        let script = Self { model: dir.path().join("model.rkllm"), dir, values: Mutex::default() };
        script.set("LOG", script.log_path().display());
        script
    }

    /// Sets a key; README.md lists them all.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn set(&self, key: &str, value: impl Display) -> &Self {
        self.change(|values| {
            values.insert(key.to_owned(), escape(&value.to_string()));
        })
    }

    /// Takes a key back.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn unset(&self, key: &str) -> &Self {
        self.change(|values| {
            values.remove(key);
        })
    }

    /// The script as a model file, `model.rkllm`.
    #[must_use]
    pub fn model(&self) -> &Path {
        &self.model
    }

    /// The folder with the script and its log, for what else a test needs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Environment of a process that shall follow the script with any model.
    #[must_use]
    pub fn env(&self) -> [(&'static str, OsString); 1] {
        [("RKLLM_FAKE_SCRIPT", self.model.clone().into())]
    }

    /// The lines logged so far.
    ///
    /// # Panics
    ///
    /// When the log exists but cannot be read.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        match fs::read_to_string(self.log_path()) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => panic!("cannot read the log: {error}"),
        }
    }

    /// The lines about mistakes of the library's caller; a correct program leaves none.
    ///
    /// # Panics
    ///
    /// When the log exists but cannot be read.
    #[must_use]
    pub fn misuse(&self) -> Vec<String> {
        let mut lines = self.log();
        lines.retain(|line| line.starts_with("MISUSE "));
        lines
    }

    /// Waits until the log has a line that contains `text`, and returns the first one.
    ///
    /// # Panics
    ///
    /// When there is none within `deadline`.
    pub fn wait_for_log(&self, text: &str, deadline: Duration) -> String {
        let end = Instant::now() + deadline;
        loop {
            let log = self.log();
            if let Some(line) = log.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            assert!(
                Instant::now() < end,
                "no `{text}` in the log within {deadline:?}, but:\n{}",
                log.join("\n")
            );
            thread::sleep(POLL);
        }
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Changes the keys and replaces the file at once, so that nobody reads half of it.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) -> &Self {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut values);
        let mut text = format!("{MARK}\n");
        for (key, value) in &*values {
            text.push_str(&format!("{key}={value}\n"));
        }
        let new = self.dir.path().join("new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &self.model))
            .expect("the folder is ours and writable");
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

/// The text as one line of a script.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_keys_last_set() {
        let script = Script::new();
        script.set("TEXT", "old").set("TOKENS", 5).set("EMPTY", 1);
        script.set("TEXT", "a\\b\nc\t").unset("EMPTY");
        let log = script.dir().join("log");
        let expected =
            format!("# rkllm-fake\nLOG={}\nTEXT=a\\\\b\\nc\\t\nTOKENS=5\n", log.display());
        assert_eq!(fs::read_to_string(script.model()).unwrap(), expected);
        assert_eq!(script.env()[0].1, script.model());
    }

    #[test]
    fn the_log_is_read_line_by_line() {
        let script = Script::new();
        assert!(script.log().is_empty());
        fs::write(script.dir().join("log"), "init\nMISUSE run: late\n").unwrap();
        assert_eq!(script.log().len(), 2);
        assert_eq!(script.misuse(), ["MISUSE run: late"]);
        assert_eq!(script.wait_for_log("late", Duration::ZERO), "MISUSE run: late");
    }

    #[test]
    #[should_panic(expected = "no `run end` in the log")]
    fn waiting_ends_with_the_log_so_far() {
        Script::new().wait_for_log("run end", Duration::ZERO);
    }
}
