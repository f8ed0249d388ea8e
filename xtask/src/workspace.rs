//! Where things are in the workspace.

use std::path::PathBuf;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo tells where the manifest is when it runs the program. The path at compile time may be
    // that of another checkout with the same target directory.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
    let mut path = manifest.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    path.pop();
    path
}
