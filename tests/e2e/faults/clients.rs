//! Clients that read slowly, never, or break the connection off.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rkllm_fake::Script;
use rustix::net::sockopt::set_socket_linger;

use super::process::memory;
use super::{DEADLINE, ask, begun, client, code, prompt, reply, rest, script, works};
use crate::server::Server;

/// Tokens and bytes of an answer that is too large for the buffers of sockets.
const TOKENS: usize = 4000;
const TOKEN: usize = 4096;

/// A script with a long answer, as fast as it goes.
fn long() -> Script {
    let script = Script::new();
    script.set("TOKENS", TOKENS).set("TEXT", "x".repeat(TOKEN)).set("TOKEN_US", 0);
    script
}

/// A request for a stream, of which the headers were read.
fn stream(server: &Server) -> BufReader<TcpStream> {
    let mut socket = TcpStream::connect(&server.address).unwrap();
    let body = r#"{"prompt": "go on", "stream": true}"#;
    let head =
        format!("POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}", body.len());
    socket.write_all(format!("{head}\r\nConnection: close\r\n\r\n{body}").as_bytes()).unwrap();
    let mut reader = BufReader::with_capacity(64, socket);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 200 OK\r\n");
    while line != "\r\n" {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0);
    }
    reader
}

/// Closes a connection the hard way.
fn reset(stream: BufReader<TcpStream>) {
    set_socket_linger(stream.get_ref(), Some(Duration::ZERO)).unwrap();
}

#[tokio::test]
async fn a_client_that_never_reads_holds_nobody_up() {
    let script = long();
    let server = Server::scripted(&script, &[]);
    let stalled = stream(&server);
    script.wait_for_log("run end", DEADLINE);
    script.set("TOKENS", 5).set("TEXT", "%p.%d ");
    works(&server).await;
    let bytes = u64::try_from(TOKENS * TOKEN).unwrap();
    let used = memory(server.pid());
    assert!(used < 4 * bytes, "{used} bytes for an answer of {bytes}");
    drop(stalled);
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything() {
    let script = long();
    let server = Server::scripted(&script, &[]);
    let mut slow = stream(&server);
    script.wait_for_log("run end", DEADLINE);
    script.set("TOKENS", 5).set("TEXT", "%p.%d ");
    works(&server).await;
    let mut said = String::new();
    slow.read_to_string(&mut said).unwrap();
    assert_eq!(said.matches('x').count(), TOKENS * TOKEN);
    assert!(
        said.ends_with("data: {\"content\":\"[DONE]\"}\n\n\r\n0\r\n\r\n"),
        "{:?}",
        said.get(said.len() - 99..)
    );
}

#[tokio::test]
async fn a_connection_that_is_reset_ends_its_run() {
    let script = script();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &[]);
    let running = stream(&server);
    script.wait_for_log("run start", DEADLINE);
    script.set("TOKENS", 5);
    reset(running);
    works(&server).await;
    script.wait_for_log("abort running=1", DEADLINE);
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn a_run_that_talks_without_a_pause_can_be_ended() {
    let script = script();
    script.set("TOKENS", "forever").set("TOKEN_US", 0);
    let server = Server::scripted(&script, &[]);
    let running = stream(&server);
    script.wait_for_log("run start", DEADLINE);
    script.set("TOKENS", 5);
    reset(running);
    works(&server).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_while_it_waits_leaves_the_line() {
    let script = script();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &["--queue-depth", "1"]);
    let running = begun(&server, "running").await;
    let waiting = stream(&server);
    assert_eq!(ask(&server, &prompt("two")).await, Err((503, "busy".into())));
    reset(waiting);
    // The server notices soon, not at once.
    let mut next = loop {
        match client(&server).generate_stream(&prompt("three")).await {
            Ok(stream) => break stream,
            Err(error) => assert_eq!(code(&error), (503, "busy".into())),
        }
    };
    // Nobody but this one is in line now.
    script.set("TOKENS", 5);
    drop(running);
    assert_eq!(rest(&mut next).await.0, reply("three", 5));
    let runs = script.log().iter().filter(|line| line.starts_with("run start")).count();
    assert_eq!(runs, 2, "the one that was reset never ran");
}
