//! Which file it is, to notice when it becomes another one.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What changes when a file is replaced or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Text for [`digest`](super::digest): all but device and inode, which other machines choose
    /// otherwise.
    pub(super) fn content(&self) -> String {
        format!("{} {}.{}", self.size, self.modified.0, self.modified.1)
    }
}
