//! One model on disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::error::CatalogError;
use super::facts::Facts;
use super::file_id::FileId;
use super::foreseen::Foreseen;
use super::name::ModelName;
use super::settings::Settings;
use super::words::NameFacts;

/// Which runtime a model file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Rockchip's, for the NPU.
    Rkllm,
    /// llama.cpp's, for the CPU.
    Gguf,
}

impl Format {
    /// Its name in answers and in endings of files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rkllm => "rkllm",
            Self::Gguf => "gguf",
        }
    }

    /// A name without the ending of a model file, and what that ending says.
    pub(super) fn strip(name: &str) -> Option<(&str, Self)> {
        let (stem, ending) = name.rsplit_once('.')?;
        let formats = [Self::Rkllm, Self::Gguf];
        let format = formats.into_iter().find(|f| ending.eq_ignore_ascii_case(f.name()))?;
        (!stem.is_empty()).then_some((stem, format))
    }
}

/// What a model's file says, or why it says nothing. Shared by everything that is made of the file.
pub(super) type FileFacts = Arc<Result<Facts, CatalogError>>;

/// A model that can be loaded.
#[derive(Clone, Debug)]
pub(crate) struct ModelEntry {
    /// The name that no other model has, whatever its case.
    pub(crate) name: String,
    /// Other names, from `model.toml`.
    pub(crate) aliases: Vec<String>,
    /// The model file; the first one of a model in several.
    pub(crate) file: PathBuf,
    /// The folder with its tokenizer files, if it has one to itself.
    pub(crate) folder: Option<PathBuf>,
    /// Which runtime it is for.
    pub(crate) format: Format,
    /// Size of the model file, or of all its parts, in bytes.
    pub(crate) size_bytes: u64,
    /// When the model file was last changed.
    pub(crate) modified: SystemTime,
    /// What its owner decided about it.
    pub(crate) settings: Settings,
    /// What its `Modelfile` says and nobody honours.
    pub(crate) ignored: Vec<String>,
    /// The Hugging Face repository that it was made from, where its `Modelfile` says so.
    pub(crate) origin: Option<String>,
    /// 64 hexadecimal digits that change when the model does. They are the SHA-256 of its content
    /// only if a file `NAME.sha256` or the name of a blob says it.
    pub(crate) digest: String,
    /// Tokenizer and template files beside it, by name.
    pub(crate) tokenizer_files: Vec<PathBuf>,
    pub(super) key: ModelName,
    pub(super) id: FileId,
    pub(super) tokenizer_ids: Vec<FileId>,
    pub(super) parts: usize,
    pub(super) named: NameFacts,
    pub(super) facts: FileFacts,
    /// What it will be able to do with text.
    pub(crate) foreseen: Arc<Foreseen>,
}

impl ModelEntry {
    /// What is known of it without loading it, as it was when the folder was looked at.
    ///
    /// # Errors
    /// [`CatalogError::Model`] when the file is damaged.
    pub(crate) fn facts(&self) -> Result<&Facts, &CatalogError> {
        (*self.facts).as_ref()
    }

    /// Whether nothing about it has changed.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.aliases == other.aliases
            && self.file == other.file
            && self.id == other.id
            && self.size_bytes == other.size_bytes
            && self.digest == other.digest
            && self.tokenizer_files == other.tokenizer_files
            && self.tokenizer_ids == other.tokenizer_ids
            && self.settings == other.settings
            && self.ignored == other.ignored
            && self.origin == other.origin
    }
}

/// What looks like a model and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Broken {
    /// The name that it would have; of a name that is not UTF-8, as much as is.
    pub(crate) name: String,
    /// Why it cannot be used, for people. Names no folder but the model's own.
    pub(crate) reason: String,
}
