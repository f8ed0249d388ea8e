//! A wall clock that jumps, as on boards without a battery when the network tells them the time.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use rkllm_fake::library;
use rkllm_sys::Generation;
use serde_json::Value;
use tempfile::TempDir;

use super::{begun, rest, script};
use crate::server::Server;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/e2e/faults/clock.c");
const YEAR: i64 = 31_536_000;

/// A clock for the server that the test sets.
struct Clock {
    dir: TempDir,
}

impl Clock {
    fn new() -> Self {
        let clock = Self { dir: tempfile::tempdir().unwrap() };
        let library = clock.library();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, SOURCE]).status();
        assert!(built.expect("cc runs").success());
        clock.shift(0);
        clock
    }

    fn library(&self) -> String {
        text(&self.dir.path().join("clock.so"))
    }

    fn file(&self) -> String {
        text(&self.dir.path().join("shift"))
    }

    /// Sets it so many seconds from the machine's.
    fn shift(&self, seconds: i64) {
        let new = self.dir.path().join("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, self.file()).unwrap();
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a UTF-8 path").to_owned()
}

/// The time by the server's clock, in seconds.
async fn time(server: &Server, model: &str) -> i64 {
    let body = format!(r#"{{"model": "{model}", "prompt": "when?"}}"#);
    let url = format!("{}/v1/completions", server.url());
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["created"].as_i64().unwrap()
}

#[tokio::test]
async fn a_wall_clock_that_jumps_cuts_no_answer_and_unloads_no_model() {
    let clock = Clock::new();
    let script = script();
    script.set("TOKENS", 100);
    let name = script.model().file_stem().and_then(OsStr::to_str).expect("a UTF-8 name");
    let model = text(script.model());
    let library = text(&library(Generation::V1_3));
    let server = Server::start_with(
        &["--model", &model, "--runtime", &library, "--keep-alive", "5m"],
        &[("LD_PRELOAD", &clock.library()), ("CLOCK_SHIFT", &clock.file())],
    );
    let start = time(&server, name).await;
    for years in [1, -10] {
        let mut stream = begun(&server, "hi").await;
        clock.shift(years * YEAR);
        let (said, end) = rest(&mut stream).await;
        assert_eq!(end.unwrap().usage.completion_tokens, 100, "{said}");
        let jump = time(&server, name).await - start;
        assert!((jump - years * YEAR).abs() < YEAR / 2, "the clock was not set: {jump} s");
    }
    let loads = script.log().iter().filter(|line| line.starts_with("init ")).count();
    assert_eq!(loads, 1, "no process counted as late or idle");
}
