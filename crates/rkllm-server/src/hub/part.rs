//! A file on its way into the models directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// A file that grows, and the sha256 of what it has. Locked against everybody else who would write to
/// it; the system takes the lock back when this is dropped.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    sha256: Sha256,
    len: u64,
}

impl Part {
    /// Opens the file at `path` with what it has from earlier, or makes it. Waits for whoever is
    /// writing to it.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(&path)?;
            file.lock()?;
            // Whoever had the lock may have completed the file and moved it away.
            if is_at(&file, &path)? {
                break file;
            }
        };
        let mut part = Self { file, path, sha256: Sha256::new(), len: 0 };
        part.take_in()?;
        Ok(part)
    }

    /// Hashes what is there.
    fn take_in(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            match self.file.read(&mut buffer)? {
                0 => return Ok(()),
                read => {
                    self.sha256.update(&buffer[..read]);
                    self.len += read as u64;
                }
            }
        }
    }

    /// Bytes that are there.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins anew.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.sha256 = Sha256::new();
        self.len = 0;
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // The next try goes on after what is known to be right.
            let _ = self.file.set_len(self.len);
            let _ = self.file.seek(SeekFrom::Start(self.len));
            return Err(error);
        }
        self.sha256.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The sha256 of what is there, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        self.sha256.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Makes the file last and gives it its name.
    pub(super) fn complete(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, path)
    }

    /// Deletes the file.
    pub(super) fn discard(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Whether `path` still names `file`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let here = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn what_was_there_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.part");
        let mut part = Part::open(path.clone()).unwrap();
        part.append(b"hel").unwrap();
        drop(part);
        let mut part = Part::open(path.clone()).unwrap();
        assert_eq!(part.len(), 3);
        part.append(b"lo").unwrap();
        assert_eq!(part.sha256(), HELLO);
        let whole = folder.path().join("x");
        part.complete(&whole).unwrap();
        assert_eq!(fs::read(whole).unwrap(), b"hello");
        assert!(!path.exists());
    }

    #[test]
    fn a_new_beginning_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Part::open(folder.path().join("x.part")).unwrap();
        part.append(b"something long").unwrap();
        part.restart().unwrap();
        part.append(b"hello").unwrap();
        assert_eq!(part.sha256(), HELLO);
        assert_eq!(fs::read(part.path()).unwrap(), b"hello");
    }

    #[test]
    fn whoever_waited_for_a_file_that_is_complete_begins_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.part");
        let mut first = Part::open(path.clone()).unwrap();
        first.append(b"hello").unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || Part::open(path).unwrap().len()
        });
        first.complete(&folder.path().join("x")).unwrap();
        assert_eq!(waiting.join().unwrap(), 0);
    }
}
