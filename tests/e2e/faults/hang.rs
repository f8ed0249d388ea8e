//! A runtime that hangs, or does not do as it is told.

use super::process::{child, children};
use super::{DEADLINE, ask, begun, code, open, prompt, reply, rest, script, works};
use crate::server::Server;

/// Patience with tokens. It is waited out where the runtime hangs, and where it does not, a machine
/// that stalls for as long looks the same: hence not one second.
const SHORT: [&str; 2] = ["--token-timeout", "5"];
/// The same for a load, which begins with a process that reads its program from the disk.
const SHORT_LOAD: [&str; 2] = ["--load-timeout", "10"];

#[tokio::test]
async fn a_hang_while_the_model_loads_is_cut_short() {
    let script = script();
    script.set("HANG_IN", "init").set("FAULT_ONCE", script.dir().join("once").display());
    let server = Server::scripted(&script, &SHORT_LOAD);
    works(&server).await;
    script.wait_for_log("hang in=init", DEADLINE);
    assert_eq!(children(&server).len(), 1, "the one that hung is gone");
}

#[tokio::test]
async fn a_hang_before_the_first_token_is_retried() {
    let script = script();
    script.set("HANG_IN", "prefill").set("FAULT_ONCE", script.dir().join("once").display());
    let server = Server::scripted(&script, &SHORT);
    assert_eq!(ask(&server, &prompt("hi")).await, Ok(reply("hi", 5)));
    script.wait_for_log("hang in=prefill", DEADLINE);
    assert_eq!(children(&server).len(), 1);
}

#[tokio::test]
async fn a_hang_in_mid_answer_ends_the_stream_with_an_error() {
    let script = script();
    script.set("HANG_IN", "decode").set("HANG_AFTER", 3);
    script.set("FAULT_ONCE", script.dir().join("once").display());
    let server = Server::scripted(&script, &SHORT);
    let mut hung = open(&server, "hi").await;
    let mut waiting = open(&server, "next").await;
    let (text, end) = rest(&mut hung).await;
    assert_eq!(text, reply("hi", 3));
    let error = end.unwrap_err();
    assert_eq!(code(&error).1, "runtime_hung");
    assert!(error.to_string().contains("--token-timeout"), "{error}");
    assert_eq!(rest(&mut waiting).await.0, reply("next", 5));
    assert_eq!(children(&server).len(), 1);
}

#[tokio::test]
async fn a_request_that_always_hangs_fails_after_the_second_time() {
    let script = script();
    script.set("HANG_IN", "prefill");
    let server = Server::scripted(&script, &SHORT);
    assert_eq!(ask(&server, &prompt("hi")).await, Err((504, "runtime_hung".into())));
    script.unset("HANG_IN");
    works(&server).await;
}

#[tokio::test]
async fn a_run_that_ignores_its_end_is_killed() {
    let script = script();
    script.set("TOKENS", "forever").set("IGNORE_ABORT", 1);
    let server = Server::scripted(&script, &SHORT);
    let running = begun(&server, "hi").await;
    let before = child(&server);
    script.set("TOKENS", 5);
    drop(running);
    works(&server).await;
    before.ended();
}

#[tokio::test]
async fn an_end_during_the_prompt_waits_for_the_true_end() {
    let script = script();
    script.set("PREFILL_MS", 300);
    let server = Server::scripted(&script, &[]);
    let running = open(&server, "hi").await;
    script.wait_for_log("run start", DEADLINE);
    let before = child(&server).pid;
    script.set("PREFILL_MS", 0);
    drop(running);
    works(&server).await;
    assert_eq!(child(&server).pid, before, "nothing had to be killed");
    let log = script.log();
    let runs: Vec<_> = log.iter().filter(|line| line.starts_with("run ")).collect();
    let kinds: Vec<_> = runs.iter().map(|line| &line[..7]).collect();
    assert_eq!(kinds, ["run sta", "run end", "run sta", "run end"], "{log:?}");
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}
