//! The folder for the states of conversations, which belongs to this process.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::worker::PrefixCacheSpec;

/// What the names of such folders begin with.
const PREFIX: &str = "rkllm-cache-";

/// How often a folder is made should others sweep it away.
const TRIES: usize = 10;

/// A folder that no other user can read, and its lock: a folder that nobody holds the lock of belongs
/// to a server that is gone.
#[derive(Debug)]
pub(super) struct CacheFolder {
    path: PathBuf,
    _lock: File,
}

impl CacheFolder {
    /// The folder for these settings, which then name it. Without one, no states are kept.
    pub(super) fn claimed(settings: &mut Option<PrefixCacheSpec>) -> Option<Self> {
        let spec = settings.as_mut()?;
        match Self::new(&spec.folder) {
            Ok(folder) => {
                spec.folder.clone_from(&folder.path);
                Some(folder)
            }
            Err(error) => {
                let parent = spec.folder.display();
                tracing::warn!(
                    "conversations that take turns start anew: {parent} takes no files: {error}; name \
                     another folder with --prefix-cache-dir, or none with --prefix-cache 0"
                );
                *settings = None;
                None
            }
        }
    }

    /// Makes it, and removes those that servers left behind when they were killed.
    ///
    /// # Errors
    /// What the system says when nothing can be made in `parent`.
    fn new(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        sweep(parent);
        let mut claimed = None;
        for _ in 0..TRIES {
            let name = format!("{PREFIX}{:016x}", fastrand::u64(..));
            claimed = Self::claim(parent.join(name))?;
            if claimed.is_some() {
                break;
            }
        }
        claimed.ok_or_else(|| io::Error::other("others take every folder that is made there"))
    }

    /// Makes this folder and locks it; `None` if another server swept it away in between.
    fn claim(path: PathBuf) -> io::Result<Option<Self>> {
        DirBuilder::new().mode(0o700).create(&path)?;
        let locked = File::open(&path).and_then(|lock| match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        });
        match locked {
            Ok(Some(lock)) if path.exists() => Ok(Some(Self { path, _lock: lock })),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let _ = fs::remove_dir(&path);
                Err(error)
            }
            _ => Ok(None),
        }
    }
}

impl Drop for CacheFolder {
    fn drop(&mut self) {
        // What cannot be removed now is when the next server starts.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders in `parent` whose servers are gone. What cannot be read or removed is left.
fn sweep(parent: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // Of the entry itself: a link to somewhere else is not ours.
        let own = |data: fs::Metadata| data.is_dir() && data.uid() == user;
        if !named || !entry.metadata().is_ok_and(own) {
            continue;
        }
        // The lock is held until the folder is gone: its server may be about to take it.
        if let Ok(folder) = File::open(entry.path())
            && folder.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_goes_with_its_owner_and_nobody_else_reads_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = CacheFolder::new(&parent.path().join("made")).unwrap();
        let path = folder.path.clone();
        fs::write(path.join("1.cache"), "state").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn only_what_dead_servers_left_is_swept_away() {
        let parent = tempfile::tempdir().unwrap();
        let alive = CacheFolder::new(parent.path()).unwrap();
        let dead = parent.path().join("rkllm-cache-7");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("1.cache"), "state").unwrap();
        let other = parent.path().join("photos");
        fs::create_dir(&other).unwrap();
        let link = parent.path().join("rkllm-cache-8");
        std::os::unix::fs::symlink(&other, &link).unwrap();

        let new = CacheFolder::new(parent.path()).unwrap();
        assert!(alive.path.exists() && new.path.exists());
        assert!(!dead.exists());
        assert!(other.exists() && link.is_symlink());
    }

    #[test]
    fn where_nothing_can_be_made_nothing_is_kept() {
        let folder = PathBuf::from("/dev/null/folder");
        let mut settings = Some(PrefixCacheSpec { folder, budget: 1 });
        assert!(CacheFolder::claimed(&mut settings).is_none());
        assert_eq!(settings, None);
    }
}
