//! The embedded runtime with a real model.

mod generation;
mod model;
mod session;

use std::path::{Path, PathBuf};

use rkllm::{Options, Runtime, Sampling, Session};

use crate::conformance::Case;

/// The small real model that `cargo xtask model` fetches.
fn model_path() -> PathBuf {
    let path = match std::env::var_os("RKLLM_TEST_MODEL") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../models/SmolLM2-135M-Instruct.Q4_1.gguf"),
    };
    assert!(path.is_file(), "no model at {}: run `cargo xtask model`", path.display());
    path
}

/// A session that always takes the likeliest token and uses one thread.
fn session() -> Session {
    let sampling = Sampling { top_k: 1, ..Sampling::default() };
    let options = Options {
        sampling,
        max_context: Some(1024),
        max_new_tokens: Some(32),
        cpu_mask: Some(1),
        ..Options::default()
    };
    Runtime::cpu().load(model_path(), &options).unwrap()
}

#[test]
fn the_embedded_runtime_conforms() {
    crate::conformance::all(&Case { runtime: Runtime::cpu(), model: model_path() });
}
