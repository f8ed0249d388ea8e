//! What is known of files since they were looked at before.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::entry::{FileFacts, ModelEntry};
use super::model_file::ModelFile;
use super::words::NameFacts;

/// Models of an earlier scan, by their file and by what their names say.
#[derive(Debug, Default)]
pub(super) struct Known<'a>(HashMap<(&'a Path, &'a NameFacts), &'a ModelEntry>);

impl<'a> Known<'a> {
    pub(super) fn of(entries: &'a [Arc<ModelEntry>]) -> Self {
        let key = |entry: &'a ModelEntry| (entry.file.as_path(), &entry.named);
        Self(entries.iter().map(|entry| (key(entry), entry.as_ref())).collect())
    }

    /// The facts of a model whose file is still the same. What could not be read is tried again.
    pub(super) fn facts(&self, file: &ModelFile, named: &NameFacts) -> Option<FileFacts> {
        let entry = self.0.get(&(file.path.as_path(), named))?;
        let same = (entry.id, entry.size_bytes, entry.parts) == (file.id, file.size, file.parts);
        (same && entry.facts.is_ok()).then(|| Arc::clone(&entry.facts))
    }
}
