//! What goes wrong with the models directory and the hub, as errors of requests.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Code, Error};

pub(super) fn no_directory() -> Error {
    Error::new(
        Code::Unsupported,
        "this server has no models directory, so models cannot be added, copied or deleted; start it \
         with --models-dir",
    )
}

/// A file or folder of the models directory that the system refuses.
pub(super) fn storage(what: &str, path: &Path, error: &io::Error) -> Error {
    let advice = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full; delete something and try again: what is there already is kept"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "the server must be allowed to write to the models directory"
        }
        _ => "look after the models directory and try again",
    };
    let path = path.display();
    Error::new(Code::StorageFailed, format!("cannot {what} {path}: {error}; {advice}"))
}

/// Something that the hub does not have, in the words that pulling programs know.
pub(super) fn absent(what: impl std::fmt::Display) -> Error {
    let message = format!("pull model manifest: file does not exist: {what}");
    Error::new(Code::DownloadFailed, message)
}

pub(super) fn download(what: impl Into<String>) -> Error {
    Error::new(Code::DownloadFailed, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let full = io::Error::from(ErrorKind::StorageFull);
        let error = storage("write", Path::new("models/x.part"), &full);
        insta::assert_snapshot!(error, @"cannot write models/x.part: no storage space; the disk is full; delete something and try again: what is there already is kept");
        assert_eq!(error.code, Code::StorageFailed);
    }
}
