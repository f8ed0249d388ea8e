//! Signals.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt};
use rkllm_fake::Script;
use rustix::process::Signal;

use crate::generate::greedy;
use crate::grace::within_grace;
use crate::server::Server;

/// Longer than the grace period allows to finish.
fn endless() -> rkllm_client::api::GenerateRequest {
    rkllm_client::api::GenerateRequest {
        // A model that likes its own words goes on to the end of the context.
        repeat_penalty: Some(0.5),
        ..greedy("Write a very long story.", 4000)
    }
}

async fn ends_cleanly(signal: Signal) {
    let server = Server::start(&[], &[]);
    let mut stream = server.client().generate_stream(&endless()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    server.signal(signal);
    let last = loop {
        match stream.next().await {
            Some(Ok(delta)) if delta.finish.is_none() => {}
            other => break other,
        }
    };
    let refused = last.expect("the stream says how it ended").unwrap_err().to_string();
    assert!(refused.contains("shutting down"), "{refused}");
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

#[tokio::test]
async fn interrupt_during_a_stream_ends_it_with_an_error_event_and_status_0() {
    ends_cleanly(Signal::INT).await;
}

#[tokio::test]
async fn terminate_does_the_same() {
    ends_cleanly(Signal::TERM).await;
}

#[tokio::test]
async fn an_answer_that_ends_in_time_is_complete() {
    within_grace(async || {
        let server = Server::start(&[], &[]);
        let request = greedy("Say hello.", 4);
        let mut stream = server.client().generate_stream(&request).await.unwrap();
        stream.next().await.unwrap().unwrap();
        let told = Instant::now();
        server.signal(Signal::INT);
        let deltas: Result<Vec<_>, _> = stream.try_collect().await;
        assert_eq!(server.wait().0.code(), Some(0));
        match deltas {
            Ok(deltas) if deltas.last().is_some_and(|last| last.finish.is_some()) => Ok(()),
            other => Err((format!("the client got no end of the answer: {other:?}"), told)),
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    within_grace(async || {
        let server = Server::start(&[], &[]);
        let mut stream = server.client().generate_stream(&endless()).await.unwrap();
        stream.next().await.unwrap().unwrap();
        server.signal_twice(Signal::INT)
    })
    .await;
}

#[test]
fn an_idle_server_ends_at_once() {
    let server = Server::start(&[], &[]);
    server.signal(Signal::TERM);
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("stopping"), "what happens is logged: {stderr}");
    assert!(!stderr.contains("actix_server"), "but not how: {stderr}");
}

#[test]
fn a_signal_while_the_model_loads_ends_the_server_cleanly() {
    for signal in [Signal::INT, Signal::TERM] {
        let script = Script::new();
        script.set("INIT_MS", 600_000);
        let server = Server::scripted_without_stdout(&script, &[]);
        script.wait_for_log("init", Duration::from_secs(60));
        server.signal(signal);
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
    }
}

#[test]
fn a_runtime_that_does_not_react_cannot_keep_the_server_from_ending() {
    let script = Script::new();
    script.set("PREFILL_MS", 600_000);
    let server = Server::scripted(&script, &[]);
    let mut socket = std::net::TcpStream::connect(&server.address).unwrap();
    let body = r#"{"prompt": "go on", "stream": true}"#;
    let head =
        format!("POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}", body.len());
    socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    script.wait_for_log("run start", Duration::from_secs(60));
    server.signal(Signal::INT);
    let mut said = String::new();
    socket.read_to_string(&mut said).unwrap();
    assert!(said.contains(r#""code":"shutting_down""#), "{said}");
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
}
