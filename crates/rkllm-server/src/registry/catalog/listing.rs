//! What stands in one folder.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use super::entry::Broken;

/// Most files and folders of one folder.
pub(super) const MAX_ITEMS: usize = 10_000;

/// A file or folder that is not hidden.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Of what it is or, for a link, of what that leads to.
    pub(super) metadata: Metadata,
}

/// What stands in a folder, by name; and what cannot be looked at, with names that begin with
/// `prefix`. Takes what there is from `budget`.
pub(super) fn list(
    folder: &Path,
    prefix: &str,
    budget: &mut usize,
) -> io::Result<(Vec<Item>, Vec<Broken>)> {
    let mut items = Vec::new();
    let mut broken = Vec::new();
    let most = MAX_ITEMS.min(*budget);
    for (count, found) in folder.read_dir()?.enumerate() {
        if count == most {
            let problem =
                format!("it has more than {most} files, or all folders together too many");
            return Err(io::Error::other(problem));
        }
        *budget -= 1;
        let found = found?;
        let name = found.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let Some(name) = name.to_str() else {
            let name = format!("{prefix}{}", name.to_string_lossy());
            broken.push(Broken { name, reason: "its name is not UTF-8; rename it".to_owned() });
            continue;
        };
        let path = found.path();
        match path.metadata() {
            Ok(metadata) => items.push(Item { name: name.to_owned(), path, metadata }),
            Err(error) => broken.push(Broken {
                name: format!("{prefix}{name}"),
                reason: format!("it cannot be looked at: {error}"),
            }),
        }
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    broken.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((items, broken))
}
