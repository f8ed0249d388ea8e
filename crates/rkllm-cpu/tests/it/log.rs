//! What `RKLLM_LOG_LEVEL` adds to the log. It is read once per process, so each test is one.

use std::process::Command;

use crate::support::{Handle, prompt};

const SECRET: &str = "xylophone";

/// Standard error of the run below at a level.
fn logged(level: &str) -> String {
    let this = std::env::current_exe().expect("the test program");
    let mut command = Command::new(this);
    command.args(["--exact", "log::a_run_to_be_looked_at", "--ignored", "--nocapture"]);
    let output = command.env("RKLLM_LOG_LEVEL", level).output().expect("it starts");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "the other tests of this file start it"]
fn a_run_to_be_looked_at() {
    Handle::new().run(&prompt(SECRET).most(3)).finish();
}

#[test]
fn level_one_adds_the_table_of_times() {
    let (silent, table) = (logged("0"), logged("1"));
    assert!(!silent.contains("Prefill") && silent.contains("I rkllm: Enabled cpus num: 1"));
    for part in ["Model init time (ms)", "I rkllm:  Prefill ", "I rkllm:  Generate ", "(MB)"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn level_two_adds_numbers_and_no_words() {
    let traces = logged("2");
    assert!(traces.contains("I rkllm: current kv cache size: 0"), "{traces}");
    assert!(traces.contains("I rkllm: kv cache matches 0 / "), "{traces}");
    assert!(!traces.contains(SECRET));
}
