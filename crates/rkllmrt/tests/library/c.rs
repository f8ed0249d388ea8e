//! Runs the C program in `tests/c` of the workspace on the shared library, as an application would.

use std::path::{Path, PathBuf};
use std::process::Command;

use rkllm_fake::Script;
use rkllm_sys::Generation;

use crate::{library, model, root};

/// Compiles the program into a folder.
fn compile(folder: &Path) -> PathBuf {
    let (program, sources) = (folder.join("suite"), root().join("tests/c"));
    let sources = std::fs::read_dir(sources).unwrap().map(|entry| entry.unwrap().path());
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    cc.arg("-I").arg(root().join("vendor"));
    cc.args(sources.filter(|path| path.extension().is_some_and(|extension| extension == "c")));
    let status = cc.args(["-pthread", "-ldl", "-lm"]).status();
    assert!(status.expect("a C compiler is installed as `cc`").success());
    program
}

/// Runs the program, which must not fail.
fn run(library: &Path, model: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let mut suite = Command::new(compile(folder.path()));
    let output = suite.arg(library).arg(model).arg(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    assert!(text.ends_with(" checks, 0 failed\n"), "{text}");
}

#[test]
fn the_embedded_runtime_passes() {
    run(&library(), &model());
}

#[test]
fn the_scripted_runtime_passes() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    run(&rkllm_fake::library(Generation::V1_3), script.model());
}
