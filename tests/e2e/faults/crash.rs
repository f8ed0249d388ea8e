//! A runtime that crashes.

use futures_util::future::join;
use rkllm_fake::Script;

use super::process::child;
use super::{ask, begun, client, code, open, prompt, reply, rest, script, works};
use crate::server::{Server, run_to_end};

/// Ways to die, and how the error names them.
const KINDS: [(&str, &str); 5] = [
    ("segv", "SIGSEGV"),
    ("ill", "SIGILL"),
    ("abort", "SIGABRT"),
    ("exit", "status 3"),
    ("kill", "SIGKILL"),
];

/// Tokens before a crash in mid answer.
const LATE: usize = 200;

#[tokio::test]
async fn a_crash_before_the_first_token_is_retried_and_nobody_notices() {
    let script = script();
    let server = Server::scripted(&script, &[]);
    for (kind, _) in KINDS {
        script.set("CRASH_IN", "prefill").set("CRASH_KIND", kind);
        script.set("FAULT_ONCE", script.dir().join(kind).display());
        assert_eq!(ask(&server, &prompt("hi")).await, Ok(reply("hi", 5)), "{kind}");
        // From now on the process has evaluated a prompt before it crashes.
        script.set("CRASH_AFTER", 1);
    }
    let runs = script.log().iter().filter(|line| line.starts_with("run start")).count();
    assert_eq!(runs, 2 * KINDS.len(), "each was begun twice");
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

/// Has the next answer end in a crash after so many tokens that some have left the process by then,
/// however busy the machine is: those that are still on their way to the socket are lost.
fn crash_late(script: &Script, kind: &str) {
    script.set("TOKENS", LATE + 1).set("CRASH_IN", "decode").set("CRASH_AFTER", LATE);
    script.set("CRASH_KIND", kind).set("FAULT_ONCE", script.dir().join(kind).display());
}

#[tokio::test]
async fn a_crash_in_mid_answer_ends_the_stream_with_an_error() {
    let script = script();
    let server = Server::scripted(&script, &[]);
    for (kind, named) in KINDS {
        crash_late(&script, kind);
        let (text, end) = rest(&mut open(&server, "hi").await).await;
        script.set("TOKENS", 5);
        assert!(!text.is_empty() && reply("hi", LATE).starts_with(&text), "{kind}: {text}");
        let error = end.unwrap_err();
        assert_eq!(code(&error).1, "runtime_crashed", "{kind}");
        assert!(error.to_string().contains(named), "{error}");
        works(&server).await;
    }
}

#[tokio::test]
async fn a_crash_in_mid_answer_is_an_error_without_streaming_as_well() {
    let script = script();
    crash_late(&script, "segv");
    let server = Server::scripted(&script, &[]);
    let answer = ask(&server, &prompt("hi")).await;
    assert_eq!(answer, Err((500, "runtime_crashed".into())));
    script.set("TOKENS", 5);
    works(&server).await;
}

#[tokio::test]
async fn a_crash_while_the_model_loads_is_only_a_delay() {
    let script = script();
    let server = Server::scripted(&script, &[]);
    for (kind, _) in KINDS {
        script.set("CRASH_IN", "init").set("CRASH_KIND", kind);
        script.set("FAULT_ONCE", script.dir().join(kind).display());
        let before = child(&server);
        before.kill();
        before.ended();
        works(&server).await;
        assert!(script.dir().join(kind).exists(), "{kind}: it crashed in between");
    }
}

#[tokio::test]
async fn who_waits_goes_on_with_the_next_process() {
    let script = script();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &[]);
    let mut running = begun(&server, "running").await;
    let (mut first, mut second) = (open(&server, "first").await, open(&server, "second").await);
    script.set("TOKENS", 5);
    child(&server).kill();
    let (_, end) = rest(&mut running).await;
    assert_eq!(code(&end.unwrap_err()).1, "runtime_crashed");
    let ((first, one), (second, two)) = join(rest(&mut first), rest(&mut second)).await;
    assert_eq!((first, second), (reply("first", 5), reply("second", 5)));
    assert!(one.is_ok() && two.is_ok());
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn a_request_that_always_crashes_fails_after_the_second_time() {
    let script = script();
    script.set("CRASH_IN", "prefill");
    let server = Server::scripted(&script, &[]);
    assert_eq!(ask(&server, &prompt("hi")).await, Err((500, "runtime_crashed".into())));
    script.unset("CRASH_IN");
    works(&server).await;
    let runs = script.log().iter().filter(|line| line.starts_with("run start")).count();
    assert_eq!(runs, 3);
}

#[tokio::test]
async fn a_model_that_goes_on_crashing_counts_as_failed() {
    let script = script();
    let server = Server::scripted(&script, &[]);
    assert!(client(&server).health().await.unwrap().model_loaded);
    script.set("CRASH_IN", "prefill");
    for _ in 0..2 {
        assert_eq!(ask(&server, &prompt("hi")).await, Err((500, "runtime_crashed".into())));
    }
    // The fifth crash is one too many.
    assert_eq!(ask(&server, &prompt("hi")).await, Err((503, "model_failed".into())));
    script.unset("CRASH_IN");
    let url = format!("{}/generate", server.url());
    let refused = reqwest::Client::new().post(url).json(&prompt("hi")).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
    let said = refused.text().await.unwrap();
    assert!(said.contains("SIGSEGV") && said.contains("rkllm-runtime version"), "{said}");
    assert!(!client(&server).health().await.unwrap().model_loaded);
}

#[test]
fn a_model_that_never_loads_ends_the_server_with_the_reason() {
    let script = script();
    script.set("CRASH_IN", "init");
    let library = rkllm_fake::library(rkllm_sys::Generation::V1_3);
    let paths = [script.model(), &library].map(|path| path.to_str().unwrap());
    let flags = ["--model", paths[0], "--runtime", paths[1], "--port", "0"];
    let (status, stderr) = run_to_end(&flags, &[]);
    assert_eq!(status.code(), Some(1), "{stderr}");
    let last = stderr.lines().last().unwrap();
    assert!(last.starts_with("error: ") && last.contains("SIGSEGV"), "{last}");
}
