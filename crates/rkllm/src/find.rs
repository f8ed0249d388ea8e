//! Where a runtime library may be.

use std::path::{Path, PathBuf};

use crate::Error;

const NAME: &str = "librkllmrt.so";

/// Where Debian and the vendor's images keep libraries. The system loader would find them there,
/// but a library is read before it is loaded, so its path must be known.
const SYSTEM: [&str; 5] = [
    "/usr/local/lib",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/arm-linux-gnueabihf",
    "/usr/lib",
    "/lib",
];

/// The first runtime library found. One that `RKLLM_LIB` names is taken without a look elsewhere.
pub(crate) fn library() -> Result<PathBuf, Error> {
    if let Some(named) = std::env::var_os("RKLLM_LIB").filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let executable = std::env::current_exe().ok();
    first(candidates(executable.as_deref(), std::env::var_os("LD_LIBRARY_PATH")))
}

/// The first runtime library found that has this version.
pub(crate) fn library_of(version: &str) -> Result<PathBuf, Error> {
    let executable = std::env::current_exe().ok();
    let named = std::env::var_os("RKLLM_LIB").map(PathBuf::from);
    let usual = candidates(executable.as_deref(), std::env::var_os("LD_LIBRARY_PATH"));
    let searched = usual.iter().flat_map(|path| with_version(path, version)).chain(named);
    let searched: Vec<_> = searched.collect();
    let has_version = |path: &&PathBuf| {
        let found = rkllm_sys::inspect(path);
        found.is_ok_and(|found| found.version.to_string() == version && found.target != "CPU")
    };
    match searched.iter().find(has_version) {
        Some(path) => Ok(path.clone()),
        None => Err(Error::NotFound { searched }),
    }
}

/// The names that a library of a version may have beside this one.
fn with_version(path: &Path, version: &str) -> [PathBuf; 4] {
    let folder = path.parent().unwrap_or(Path::new(""));
    [
        path.to_owned(),
        folder.join(format!("librkllmrt-{version}.so")),
        folder.join(format!("{NAME}.{version}")),
        folder.join(version).join(NAME),
    ]
}

fn candidates(executable: Option<&Path>, loader_path: Option<std::ffi::OsString>) -> Vec<PathBuf> {
    let beside = executable.and_then(Path::parent);
    let beside = beside.into_iter().flat_map(|folder| [folder.to_owned(), folder.join("lib")]);
    let loader = loader_path.iter().flat_map(std::env::split_paths).filter(|path| path != "");
    beside
        .chain([PathBuf::from("lib")])
        .chain(loader)
        .chain(SYSTEM.map(PathBuf::from))
        .map(|folder| folder.join(NAME))
        .collect()
}

fn first(candidates: Vec<PathBuf>) -> Result<PathBuf, Error> {
    match candidates.iter().find(|path| path.is_file() && !is_for_pcs(path)) {
        Some(path) => Ok(path.clone()),
        None => Err(Error::NotFound { searched: candidates }),
    }
}

/// Whether this is the drop-in library for PCs, which runs no `.rkllm` model. It has the same name
/// as the vendor's, and a build of this workspace leaves it beside the server.
fn is_for_pcs(path: &Path) -> bool {
    // A library that cannot be read is one that the user should hear of.
    rkllm_sys::inspect(path).is_ok_and(|library| library.target == "CPU")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_beside_the_executable_first_and_lists_every_place() {
        let places = candidates(Some(Path::new("/opt/x/server")), Some("/a:/b".into()));
        let expected = ["/opt/x/librkllmrt.so", "/opt/x/lib/librkllmrt.so", "lib/librkllmrt.so"];
        assert_eq!(places[..3], expected.map(PathBuf::from));
        assert_eq!(places[3], Path::new("/a/librkllmrt.so"));
        let message = first(places).unwrap_err().to_string();
        assert!(message.contains("/b/librkllmrt.so"), "{message}");
        assert!(message.contains("RKLLM_LIB"), "{message}");
    }
}
