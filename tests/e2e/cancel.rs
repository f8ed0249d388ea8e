//! Clients that leave. The scripted runtime answers for ever, so whoever comes next gets an answer
//! only if the run before was ended.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::select;
use rkllm_client::api::{FinishReason, GenerateRequest, GenerateResponse, Stop};
use rkllm_client::{Client, DeltaStream, Error, Options};
use rkllm_fake::Script;

use crate::server::Server;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);
/// Milliseconds that no test would wait for.
const LONG: u32 = 600_000;

fn prompt(prompt: &str) -> GenerateRequest {
    GenerateRequest { prompt: prompt.into(), ..GenerateRequest::default() }
}

fn request(stream: bool) -> String {
    let body = format!(r#"{{"prompt": "go on", "stream": {stream}}}"#);
    format!(
        "POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_its_run() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &[]);
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
    let server = Server::scripted(&script, &[]);
    let mut socket = TcpStream::connect(&server.address).unwrap();
    socket.write_all(request(false).as_bytes()).unwrap();
    script.wait_for_log("run start", DEADLINE);
    script.set("TOKENS", "3");
    drop(socket);
    let next = server.client().generate(&prompt("hello")).await.unwrap();
    assert_eq!(next.usage.completion_tokens, 3);
}

#[tokio::test]
async fn a_client_that_leaves_while_its_prompt_is_evaluated_ends_its_run() {
    let script = Script::new();
    script.set("PREFILL_MS", LONG).set("PREFILL_ABORTABLE", 1);
    let server = Server::scripted(&script, &[]);
    let mut socket = TcpStream::connect(&server.address).unwrap();
    socket.write_all(request(true).as_bytes()).unwrap();
    script.wait_for_log("run start", DEADLINE);
    script.set("PREFILL_MS", 0).set("TOKENS", 3);
    drop(socket);
    let next = server.client().generate(&prompt("hello")).await.unwrap();
    assert_eq!(next.usage.completion_tokens, 3);
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn a_client_that_leaves_the_line_without_streaming_makes_room() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &["--queue-depth", "1"]);
    let client = server.client();
    let mut running = client.generate_stream(&prompt("one")).await.unwrap();
    running.next().await.unwrap().unwrap();
    // One of the two is refused, so the other one is in line.
    let (two, three) = (Box::pin(post(&server, "two")), Box::pin(post(&server, "three")));
    let (refused, waiting) = select(two, three).await.factor_first();
    assert_eq!(refused.status(), 503);
    drop(waiting);
    let mut next = in_line(&server, "four").await;
    script.set("TOKENS", "2");
    drop(running);
    assert!(!next.next().await.unwrap().unwrap().content.is_empty());
}

#[tokio::test]
async fn a_body_that_stalls_has_no_place_in_line() {
    let script = Script::new();
    let server = Server::scripted(&script, &["--queue-depth", "0"]);
    let mut socket = TcpStream::connect(&server.address).unwrap();
    let head = request(false).replace("Host: localhost", "Host: localhost\r\nExpect: 100-continue");
    let (head, body) = head.split_once("\r\n\r\n").unwrap();
    socket.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    // The server asks for the body, so the request is being handled.
    let mut asked = [0; 12];
    socket.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    socket.write_all(&body.as_bytes()[..5]).unwrap();
    assert_eq!(post(&server, "hello").await.status(), 200);
}

#[tokio::test]
async fn requests_wait_for_the_model_in_line_and_not_beside_it() {
    let script = Script::new();
    script.set("INIT_MS", LONG);
    let server = Server::scripted_without_stdout(&script, &["--queue-depth", "0"]);
    let (one, two) = (Box::pin(post(&server, "one")), Box::pin(post(&server, "two")));
    let (refused, _waiting) = select(one, two).await.factor_first();
    assert_eq!(refused.status(), 503);
}

#[tokio::test]
async fn stop_strings_of_one_client_do_not_touch_the_answers_of_others() {
    let script = Script::new();
    script.set("TOKENS", 100).set("TEXT", " t%d.");
    let server = Server::scripted(&script, &[]);
    let ask = async |stop: Option<Stop>, tokens: u32| {
        let request = GenerateRequest { stop, ..prompt("go on") };
        for _ in 0..20 {
            // Without retries: nobody may be told that the line is full.
            let answer = post_request(&server, &request).await;
            assert_eq!(answer.status(), 200);
            let answer: GenerateResponse = answer.json().await.unwrap();
            assert_eq!(answer.usage.completion_tokens, tokens);
            assert_eq!(answer.finish_reason, FinishReason::Stop);
            // The stop string itself is not part of the text.
            let shown = if request.stop.is_some() { tokens - 1 } else { tokens };
            let expected: String = (0..shown).map(|index| format!(" t{index}.")).collect();
            assert_eq!(answer.text, expected);
        }
    };
    let clients = (0..8).map(|number| match number % 2 {
        0 => ask(Some(Stop::One(" t7.".into())), 8),
        _ => ask(None, 100),
    });
    futures_util::future::join_all(clients).await;
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn a_full_line_is_refused_and_leaving_it_makes_room() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &["--queue-depth", "1"]);
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
    drop(waiting);
    let mut next = in_line(&server, "four").await;
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
    let server = Server::scripted(&script, &[]);
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
    let server = Server::scripted(&script, &["--queue-depth", "0"]);
    let mut running = server.client().generate_stream(&prompt("one")).await.unwrap();
    running.next().await.unwrap().unwrap();
    assert_eq!(post(&server, "two").await.status(), 503);
}

#[tokio::test]
async fn an_error_of_the_runtime_is_an_error_of_the_answer() {
    let script = Script::new();
    script.set("ERROR_AFTER", "2");
    let server = Server::scripted(&script, &[]);
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

/// A stream in a line that was full until now: whether a connection is gone is for the server to
/// notice, so the place is free soon, not at once.
async fn in_line(server: &Server, text: &str) -> DeltaStream {
    let options = Options { retries: 0, ..Options::default() };
    let client = Client::with_options(&server.url(), &options).unwrap();
    let request = prompt(text);
    let accepted = async {
        loop {
            match client.generate_stream(&request).await {
                Err(Error::Api { status: 503, .. }) => tokio::task::yield_now().await,
                stream => return stream.unwrap(),
            }
        }
    };
    tokio::time::timeout(DEADLINE, accepted).await.expect("the place becomes free")
}

async fn post(server: &Server, text: &str) -> reqwest::Response {
    post_request(server, &prompt(text)).await
}

async fn post_request(server: &Server, request: &GenerateRequest) -> reqwest::Response {
    let url = format!("{}/generate", server.url());
    reqwest::Client::new().post(url).json(request).send().await.unwrap()
}
