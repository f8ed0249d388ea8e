//! Clients that leave. The scripted runtime answers for ever, so whoever comes next gets an answer
//! only if the run before was ended.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use futures_util::StreamExt;
use rkllm_client::api::GenerateRequest;
use rkllm_fake::Script;
use rkllm_sys::Generation;

use crate::server::Server;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server on the scripted runtime.
fn scripted(script: &Script, flags: &[&str]) -> Server {
    let library = rkllm_fake::library(Generation::V1_3);
    let model = script.model().to_str().unwrap();
    let fixed = ["--model", model, "--runtime", library.to_str().unwrap()];
    Server::start_with(&[&fixed, flags].concat(), &[])
}

fn prompt(prompt: &str) -> GenerateRequest {
    GenerateRequest { prompt: prompt.into(), ..GenerateRequest::default() }
}

fn request(stream: bool) -> String {
    let body = format!(r#"{{"prompt": "go on", "stream": {stream}}}"#);
    format!("POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_its_run() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = scripted(&script, &[]);
    let mut stream = server.client().generate_stream(&prompt("go on")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    script.set("TOKENS", "3");
    drop(stream);
    let next = server.client().generate(&prompt("hello")).await.unwrap();
    assert_eq!(next.usage.completion_tokens, 3);
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn a_client_that_leaves_without_streaming_ends_its_run() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = scripted(&script, &[]);
    let mut socket = TcpStream::connect(&server.address).unwrap();
    socket.write_all(request(false).as_bytes()).unwrap();
    script.wait_for_log("run start", DEADLINE);
    script.set("TOKENS", "3");
    drop(socket);
    let next = server.client().generate(&prompt("hello")).await.unwrap();
    assert_eq!(next.usage.completion_tokens, 3);
}

#[tokio::test]
async fn a_full_line_is_refused_and_leaving_it_makes_room() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = scripted(&script, &["--queue-depth", "1"]);
    let client = server.client();
    let mut running = client.generate_stream(&prompt("one")).await.unwrap();
    running.next().await.unwrap().unwrap();
    // Streams get their headers while they wait, so this one is in line from here on.
    let waiting = client.generate_stream(&prompt("two")).await.unwrap();
    let refused = post(&server, "three").await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "1");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["code"], "busy");
    // Whether a connection is gone is for the server to notice, so the place is free soon, not at
    // once; the client's own retries wait for it.
    drop(waiting);
    let mut next = client.generate_stream(&prompt("four")).await.unwrap();
    script.set("TOKENS", "2");
    drop(running);
    let mut text = String::new();
    while let Some(delta) = next.next().await {
        text.push_str(&delta.unwrap().content);
    }
    assert!(!text.is_empty());
}

#[tokio::test]
async fn clients_at_the_same_time_get_their_own_answers() {
    let script = Script::new();
    script.set("TOKENS", "5");
    script.set("TEXT", "%p|");
    let server = scripted(&script, &[]);
    let client = server.client();
    let ask = async |name: String| {
        let answer = client.generate(&prompt(&name)).await.unwrap();
        assert_eq!(answer.text, format!("{name}|").repeat(5), "whole, and nobody else's");
    };
    let asked = (0..17).map(|number| ask(format!("client-{number}")));
    futures_util::future::join_all(asked).await;
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn depth_zero_refuses_while_one_runs() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = scripted(&script, &["--queue-depth", "0"]);
    let mut running = server.client().generate_stream(&prompt("one")).await.unwrap();
    running.next().await.unwrap().unwrap();
    assert_eq!(post(&server, "two").await.status(), 503);
}

#[tokio::test]
async fn an_error_of_the_runtime_is_an_error_of_the_answer() {
    let script = Script::new();
    script.set("ERROR_AFTER", "2");
    let server = scripted(&script, &[]);
    let whole = post(&server, "one").await;
    assert_eq!(whole.status(), 500);
    let body: serde_json::Value = whole.json().await.unwrap();
    assert_eq!(body["code"], "inference_failed");
    let mut socket = TcpStream::connect(&server.address).unwrap();
    socket
        .write_all(request(true).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut said = String::new();
    socket.read_to_string(&mut said).unwrap();
    assert!(said.contains(r#""code":"inference_failed""#), "{said}");
    assert!(!said.contains("[DONE]"), "an answer that failed is not done: {said}");
    script.unset("ERROR_AFTER");
    assert_eq!(post(&server, "two").await.status(), 200);
}

async fn post(server: &Server, prompt: &str) -> reqwest::Response {
    let body = serde_json::json!({ "prompt": prompt }).to_string();
    reqwest::Client::new()
        .post(format!("{}/generate", server.url()))
        .body(body)
        .send()
        .await
        .unwrap()
}
