//! Files of a model folder, read within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::Error;

/// Largest JSON file accepted beside the tokenizer's, in bytes; the descriptions of the largest
/// vocabularies have a few MiB.
const MAX_JSON: usize = 16 << 20;

/// The content of a file; `None` when there is none of that name.
pub(crate) fn read_bounded(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, Error> {
    let unreadable = |source| Error::ReadFile { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut content = Vec::new();
    // One byte more, to tell a file at the limit from one beyond it.
    file.take(limit as u64 + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > limit {
        return Err(Error::FileTooLarge { path: path.to_owned(), limit });
    }
    Ok(Some(content))
}

/// What a JSON file says; `None` when there is none of that name. Unknown fields are passed over.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let Some(content) = read_bounded(path, MAX_JSON)? else {
        return Ok(None);
    };
    let mut json = serde_json::Deserializer::from_slice(&content);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // What cannot be parsed at all is in no field.
        let broken = !error.inner().is_data();
        let field = if broken { ".".to_owned() } else { error.path().to_string() };
        wrong(path, &field, &error.inner().to_string())
    })?;
    Ok(Some(value))
}

/// The error for a field that holds something else than belongs there.
pub(super) fn wrong(path: &Path, field: &str, reason: &str) -> Error {
    Error::FileField { path: path.to_owned(), field: field.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_may_be_as_long_as_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(read_bounded(&path, 3).unwrap(), None);
        fs::write(&path, "abc").unwrap();
        assert_eq!(read_bounded(&path, 3).unwrap().unwrap(), b"abc");
        let error = read_bounded(&path, 2).unwrap_err();
        assert!(matches!(error, Error::FileTooLarge { limit: 2, .. }), "{error}");
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_bounded(folder.path(), 3), Err(Error::ReadFile { .. })));
    }
}
