//! The shared library that was built, opened at run time: through the safe API, and from C.
//!
//! Run once for each generation that it can export; see the Makefile.

// Helpers outside `#[test]` functions may unwrap as well: a panic is how a test fails.
#![allow(clippy::unwrap_used)]

#[cfg(not(feature = "abi-1_2_1"))]
mod c;
#[path = "../../../rkllm/tests/it/conformance.rs"]
mod conformance;

use std::path::{Path, PathBuf};

use conformance::Case;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cargo puts the library, of which this is a test, beside the test.
fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("librkllmrt.so")
}

/// The small real model that `cargo xtask model` fetches.
fn model() -> PathBuf {
    let path = std::env::var_os("RKLLM_TEST_MODEL")
        .map_or_else(|| root().join("models/SmolLM2-135M-Instruct.Q4_1.gguf"), PathBuf::from);
    assert!(path.is_file(), "no model at {}: run `cargo xtask model`", path.display());
    path
}

#[test]
fn the_library_conforms() {
    let runtime = rkllm::Runtime::open(library()).unwrap();
    let version = if cfg!(feature = "abi-1_2_1") { "1.2.3" } else { "1.3.0" };
    assert_eq!(runtime.version().to_string(), version);
    conformance::all(&Case { runtime, model: model() });
}
