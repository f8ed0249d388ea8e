//! A model that was named by its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::ModelEntry;
use super::error::CatalogError;
use super::foreseen::Foreseen;
use super::{Catalog, scan};

impl Catalog {
    /// The model in a file, with the settings and the tokenizer files of its folder if it is the only
    /// model there.
    ///
    /// # Errors
    /// [`CatalogError`] when it cannot be used.
    pub(crate) fn file(file: &Path) -> Result<Arc<ModelEntry>, CatalogError> {
        let mut entry = scan::file(file)?;
        entry.foreseen = Arc::new(Foreseen::of(&entry));
        Ok(Arc::new(entry))
    }

    /// A catalog of one model.
    pub(crate) fn alone(entry: &Arc<ModelEntry>) -> Self {
        Self { folder: PathBuf::new(), entries: vec![Arc::clone(entry)], broken: Vec::new() }
    }

    /// The folder that it was made from.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
