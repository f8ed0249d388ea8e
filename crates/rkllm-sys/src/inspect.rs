//! Looks into a library file without loading it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use object::{Architecture, Object, ObjectSegment};

use crate::{Version, banner};

/// What a library file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// Version of the runtime.
    pub version: Version,
    /// What it was built for, such as `Linux`; empty where the library does not say.
    pub target: String,
    /// Commit and time of the build; empty where the library does not say.
    pub build: String,
}

/// Why a file is not a runtime library that this program can load.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// There is nothing at the path.
    #[error("{}: no such file; check the path, or install the RKLLM runtime there", .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The path leads to a directory.
    #[error("{} is a directory; name the library in it, such as {}", .path.display(), .path.join("librkllmrt.so").display())]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// The path leads to a device, a pipe or a socket.
    #[error("{} is not a regular file; name a library file", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// The system does not let us read the file.
    #[error("{}: cannot read the file; check its permissions and the disk", .path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no content.
    #[error("{} is empty; copy the library again", .path.display())]
    Empty {
        /// The path.
        path: PathBuf,
    },
    /// The file is not an ELF file.
    #[error("{} is not a shared library (no ELF header); name librkllmrt.so", .path.display())]
    NotElf {
        /// The path.
        path: PathBuf,
    },
    /// The file is not as long as its header says, or its header makes no sense.
    #[error("{} is truncated or damaged ({reason}); copy the library again", .path.display())]
    Damaged {
        /// The path.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The library is for processors of another kind.
    #[error("{} is for {found}, this program is for {expected}; install the {expected} library", .path.display())]
    Architecture {
        /// The path.
        path: PathBuf,
        /// Architecture of the library.
        found: String,
        /// Architecture of this program.
        expected: &'static str,
    },
    /// The library does not say that it is an RKLLM runtime.
    #[error("{} is a library, but not an RKLLM runtime (it has no `RKLLM SDK` version line); name librkllmrt.so", .path.display())]
    NotRuntime {
        /// The path.
        path: PathBuf,
    },
}

/// Reads from a library file which runtime it is. Nothing in the file is executed.
///
/// # Errors
///
/// Why the file is not a runtime that this program could load: it is missing, unreadable,
/// damaged, for another architecture, or something else altogether.
///
/// # Examples
///
/// ```no_run
/// use rkllm_sys::{Generation, inspect};
///
/// let library = inspect("/usr/lib/librkllmrt.so".as_ref())?;
/// println!("{}, ABI {}", library.version, Generation::of(&library.version)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inspect(path: &Path) -> Result<Inspection, InspectError> {
    let bytes = read(path)?;
    check(path, &bytes)?;
    let found =
        banner::find(&bytes).ok_or_else(|| InspectError::NotRuntime { path: path.into() })?;
    Ok(Inspection {
        path: path.to_owned(),
        version: found.version,
        target: found.target,
        build: found.build,
    })
}

/// The bytes of an ELF file. What is no ELF file is not read beyond its first bytes, because it
/// may be a model of many gigabytes.
fn read(path: &Path) -> Result<Vec<u8>, InspectError> {
    let own = || path.to_owned();
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => InspectError::Missing { path: own() },
        _ => InspectError::Unreadable { path: own(), source },
    };
    // Before opening: to open a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(InspectError::Directory { path: own() });
    }
    if !metadata.is_file() {
        return Err(InspectError::NotRegular { path: own() });
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.by_ref().take(object::elf::ELFMAG.len() as u64).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Err(InspectError::Empty { path: own() });
    }
    if bytes != object::elf::ELFMAG {
        return Err(InspectError::NotElf { path: own() });
    }
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Checks that all segments are there and made for this processor.
fn check(path: &Path, bytes: &[u8]) -> Result<(), InspectError> {
    let damaged = |reason: object::read::Error| InspectError::Damaged {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let file = object::File::parse(bytes).map_err(damaged)?;
    let found = architecture(file.architecture());
    if found != std::env::consts::ARCH {
        let expected = std::env::consts::ARCH;
        return Err(InspectError::Architecture { path: path.to_owned(), found, expected });
    }
    for segment in file.segments() {
        segment.data().map_err(damaged)?;
    }
    Ok(())
}

/// The architecture's name as Rust spells it in [`std::env::consts::ARCH`].
fn architecture(found: Architecture) -> String {
    match found {
        Architecture::I386 => "x86".to_owned(),
        Architecture::Unknown => "an unknown processor".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &[u8] = b"RKLLM SDK (version: 1.3.0 | target: Linux | build: 00ff 2026-05-01)\0";

    /// An ELF file of 64-bit little-endian class with one segment that spans the whole file.
    fn elf(machine: u16, content: &[u8]) -> Vec<u8> {
        let size = 64 + 56 + content.len() as u64;
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(16, 0);
        bytes.extend([3_u16, machine].map(u16::to_le_bytes).concat());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend([0_u64, 64, 0].map(u64::to_le_bytes).concat());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend([64_u16, 56, 1, 64, 0, 0].map(u16::to_le_bytes).concat());
        bytes.extend([1_u32, 4].map(u32::to_le_bytes).concat());
        bytes.extend([0_u64, 0, 0, size, size, 4096].map(u64::to_le_bytes).concat());
        bytes.extend(content);
        bytes
    }

    /// The machine number of this program's architecture, and that of another.
    fn machines() -> (u16, u16) {
        let (x86, arm) = (object::elf::EM_X86_64.0, object::elf::EM_AARCH64.0);
        if cfg!(target_arch = "aarch64") { (arm, x86) } else { (x86, arm) }
    }

    fn inspect_bytes(bytes: &[u8]) -> Result<Inspection, InspectError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib.so");
        fs::write(&path, bytes).unwrap();
        inspect(&path)
    }

    #[test]
    fn reads_the_banner_of_a_library() {
        let found = inspect_bytes(&elf(machines().0, LINE)).unwrap();
        assert_eq!(found.version.to_string(), "1.3.0");
        assert_eq!((found.target.as_str(), found.build.as_str()), ("Linux", "00ff 2026-05-01"));
    }

    #[test]
    fn names_both_architectures() {
        let error = inspect_bytes(&elf(machines().1, LINE)).unwrap_err();
        let InspectError::Architecture { found, expected, .. } = &error else { panic!("{error}") };
        assert_eq!(*expected, std::env::consts::ARCH);
        assert!(["x86_64", "aarch64"].contains(&found.as_str()), "{found}");
        assert!(error.to_string().contains(found.as_str()));
    }

    #[test]
    fn notices_every_truncation() {
        let whole = elf(machines().0, LINE);
        for len in 4..whole.len() {
            let error = inspect_bytes(&whole[..len]).unwrap_err();
            assert!(matches!(error, InspectError::Damaged { .. }), "{len} bytes: {error}");
        }
    }

    #[test]
    fn tells_what_a_path_is_that_is_no_library() {
        let dir = tempfile::tempdir().unwrap();
        let missing = inspect(&dir.path().join("nothing.so")).unwrap_err();
        assert!(matches!(missing, InspectError::Missing { .. }), "{missing}");
        let directory = inspect(dir.path()).unwrap_err();
        assert!(directory.to_string().contains("librkllmrt.so"), "{directory}");
        let device = inspect("/dev/null".as_ref()).unwrap_err();
        assert!(matches!(device, InspectError::NotRegular { .. }), "{device}");
        let below = dir.path().join("file");
        fs::write(&below, "text").unwrap();
        let unreadable = inspect(&below.join("lib.so")).unwrap_err();
        assert!(matches!(unreadable, InspectError::Unreadable { .. }), "{unreadable}");
    }

    #[test]
    fn tells_what_is_wrong_with_the_content() {
        let error = |bytes: &[u8]| inspect_bytes(bytes).unwrap_err();
        assert!(matches!(error(b""), InspectError::Empty { .. }));
        assert!(matches!(error(b"\x7fE"), InspectError::NotElf { .. }));
        assert!(matches!(error(b"GGUF and more"), InspectError::NotElf { .. }));
        let other = error(&elf(machines().0, b"some other library"));
        assert!(matches!(other, InspectError::NotRuntime { .. }), "{other}");
    }

    #[test]
    fn every_message_names_the_file_and_its_remedy() {
        let path = PathBuf::from("/lib/x.so");
        for message in [
            InspectError::Empty { path: path.clone() }.to_string(),
            InspectError::NotElf { path: path.clone() }.to_string(),
            InspectError::NotRuntime { path: path.clone() }.to_string(),
            InspectError::Damaged { path, reason: "short".to_owned() }.to_string(),
        ] {
            assert!(message.starts_with("/lib/x.so is ") && message.contains("; "), "{message}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(
            header in proptest::collection::vec(any::<u8>(), 0..200),
            content in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let _ = check("x".as_ref(), &[b"\x7fELF\x02\x01\x01", &header[..]].concat());
            let mut bytes = elf(machines().0, &content);
            for (at, byte) in header.iter().enumerate() {
                let at = at * 7 % bytes.len();
                bytes[at] ^= byte;
            }
            let _ = check("x".as_ref(), &bytes);
        }
    }
}
