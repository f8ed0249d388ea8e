//! Models on disk: what there is, what is known of it, and what its names are.
//!
//! Nothing here loads a model. Looking at files blocks while it reads the disk; what a catalog knows is
//! in memory.

mod alone;
mod build;
mod described;
mod diff;
mod digest;
mod entry;
mod error;
mod facts;
mod file_id;
mod foreseen;
mod gguf;
pub(crate) mod keep_alive;
mod known;
mod listing;
mod model_file;
mod model_toml;
mod modelfile;
mod modelfile_settings;
mod name;
mod resolve;
mod scan;
mod settings;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use diff::Diff;
pub(crate) use entry::{Broken, Format, ModelEntry};
pub(crate) use error::CatalogError;
pub(crate) use settings::Library;

use foreseen::Foreseen;
use known::Known;
use resolve::Names;

/// The models of a folder, as they were when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    folder: PathBuf,
    entries: Vec<Arc<ModelEntry>>,
    broken: Vec<Broken>,
}

impl Catalog {
    /// Looks at a models folder. What looks like a model and is none ends up in
    /// [`broken`](Self::broken).
    ///
    /// # Errors
    /// [`CatalogError::Folder`] when the folder itself cannot be listed.
    pub(crate) fn scan(folder: &Path) -> Result<Self, CatalogError> {
        Self::look(folder, &[])
    }

    /// Looks again, and says what is different. What is known of files that are the same is kept.
    ///
    /// # Errors
    /// [`CatalogError::Folder`] when the folder itself cannot be listed.
    pub(crate) fn rescan(&self) -> Result<(Self, Diff), CatalogError> {
        let new = Self::look(&self.folder, &self.entries)?;
        let old = (self.entries.as_slice(), self.broken.as_slice());
        let diff = Diff::between(old, (&new.entries, &new.broken));
        Ok((new, diff))
    }

    fn look(folder: &Path, old: &[Arc<ModelEntry>]) -> Result<Self, CatalogError> {
        let (mut entries, broken) = build::build(scan::scan(folder, Known::of(old))?);
        let old: HashMap<_, _> = old.iter().map(|entry| (&entry.key, entry)).collect();
        for entry in &mut entries {
            let same = old.get(&entry.key).filter(|old| old.same(entry));
            let same = same.filter(|old| Arc::ptr_eq(&old.facts, &entry.facts));
            let foreseen = same.map(|old| Arc::clone(&old.foreseen));
            let foreseen = foreseen.unwrap_or_else(|| Arc::new(Foreseen::of(entry)));
            Arc::make_mut(entry).foreseen = foreseen;
        }
        Ok(Self { folder: folder.to_owned(), entries, broken })
    }

    /// The models, by name.
    pub(crate) fn entries(&self) -> &[Arc<ModelEntry>] {
        &self.entries
    }

    /// What cannot be used, by name.
    pub(crate) fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// The model that a client means by a name: `name`, `name:tag`, an alias, in any case, with or
    /// without the ending of the file. Names are compared with those of models; they never become
    /// paths.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::Unknown`] with the nearest names,
    /// [`CatalogError::Ambiguous`] with the candidates, or [`CatalogError::Unusable`].
    pub(crate) fn resolve(&self, name: &str) -> Result<&Arc<ModelEntry>, CatalogError> {
        Names { entries: &self.entries, broken: &self.broken }.resolve(name)
    }

    /// The same for what must not happen to another model than the one that is meant.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve).
    pub(crate) fn resolve_strictly(&self, name: &str) -> Result<&Arc<ModelEntry>, CatalogError> {
        Names { entries: &self.entries, broken: &self.broken }.resolve_strictly(name)
    }
}
