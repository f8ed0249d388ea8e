//! The feature `link`, which takes effect when a program is built: so these tests build one.

use std::path::Path;
use std::process::{Command, Output};

use rkllm_fake::Script;
use rkllm_sys::Generation;

/// Cargo with the feature turned on, and `RKLLM_LIB_DIR` as given.
fn cargo(task: &str, lib_dir: Option<&Path>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap());
    command.args([task, "--offline", "--quiet", "--features", "link", "--example", "linked"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RKLLM_LIB_DIR");
    command.envs(lib_dir.map(|dir| ("RKLLM_LIB_DIR", dir)));
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_linked_program_speaks_with_the_library() {
    let script = Script::new();
    script.set("REPLY", "Paris.");
    let library = rkllm_fake::library(Generation::V1_3);
    let dir = library.parent().unwrap();
    let mut run = cargo("run", Some(dir));
    let output = run
        .env("LD_LIBRARY_PATH", dir)
        .arg("--")
        .arg(script.model())
        .arg("Well?")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.lines().last(), Some("Paris."), "{text}");
    assert_eq!(script.misuse(), [""; 0]);
}

#[test]
fn a_library_that_is_not_there_is_told() {
    let empty = tempfile::tempdir().unwrap();
    let gone = empty.path().join("gone");
    for (dir, told) in [
        (None, "set RKLLM_LIB_DIR to the folder"),
        (Some(empty.path()), "which has no librkllmrt.so"),
        (Some(&*gone), "which cannot be read"),
    ] {
        let output = cargo("build", dir).output().unwrap();
        assert!(!output.status.success(), "built with {dir:?}");
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}
