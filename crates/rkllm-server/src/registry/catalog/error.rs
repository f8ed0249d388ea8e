//! Why a model cannot be found or described.

use std::path::PathBuf;

/// What can be wrong with a models folder, what describes a model, or a model's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CatalogError {
    /// The models folder itself cannot be listed.
    #[error("cannot read the models folder {}: {problem}; name another one", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// `model.toml` or a `Modelfile` says what has no meaning or cannot be had.
    #[error("{file}{}: {problem}", at(.line))]
    Settings {
        /// Name of the file.
        file: &'static str,
        /// The line, counted from 1.
        line: Option<usize>,
        /// The field and what is wrong with it.
        problem: String,
    },
    /// A model file that does not hold what its name says.
    #[error("{file} {problem}; download or convert it again")]
    Model {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No model can have this name.
    #[error("{name:?} is no name of a model: {problem}")]
    BadName {
        /// What was asked for, cut where it is very long.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No model has this name.
    #[error("model '{name}' not found{}", or(.nearest))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names most like it, best first; may be empty.
        nearest: Vec<String>,
    },
    /// No name was said, and there are several models or none.
    #[error("no model was named; send the name of one as `model`")]
    Unnamed,
    /// Several models answer to this name.
    #[error("model '{name}' can be any of {}; send one of these names", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their names.
        candidates: Vec<String>,
    },
    /// The model is there and cannot be used.
    #[error("model '{name}' cannot be used: {reason}")]
    Unusable {
        /// What was asked for.
        name: String,
        /// Why not.
        reason: String,
    },
}

fn at(line: &Option<usize>) -> String {
    line.map(|line| format!(" line {line}")).unwrap_or_default()
}

fn or(nearest: &[String]) -> String {
    match nearest {
        [] => "; ask for the list of models".to_owned(),
        nearest => format!("; the nearest names are {}", nearest.join(", ")),
    }
}
