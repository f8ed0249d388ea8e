//! Anthropic's Messages API through the built server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use rkllm_fake::Script;
use serde_json::{Value, json};

use crate::hermes;
use crate::server::Server;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

fn ask(server: &Server, path: &str, body: &Value) -> RequestBuilder {
    let url = format!("{}{path}", server.url());
    // As Claude Code: a query, a key nobody asked for, no version.
    reqwest::Client::new().post(url).bearer_auth("any").body(body.to_string())
}

fn hello(stream: bool) -> Value {
    json!({
        "max_tokens": 100, "stream": stream,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    })
}

/// The events of a stream: each has a name that is its data's type.
async fn events(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    let text = response.text().await.unwrap();
    let events = text.split_terminator("\n\n").map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], *name.strip_prefix("event: ").unwrap());
        data
    });
    events.collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_has_its_events_in_order() {
    let script = Script::new();
    script.set("REPLY", "Hé\n!").set("TOKEN_US", 20_000);
    let server = Server::scripted(&script, &[]);
    let response = ask(&server, "/v1/messages?beta=true", &hello(true)).send().await.unwrap();
    let id = response.headers()["request-id"].to_str().unwrap().to_owned();
    assert!(id.starts_with("req_") && response.headers()["x-request-id"] == id);
    assert_eq!(response.headers()["x-rkllm-ignored"], "system[0].cache_control");
    let events = events(response).await;
    let names = types(&events);
    assert_eq!(names[..3], ["message_start", "ping", "content_block_start"]);
    let end = ["content_block_stop", "message_delta", "message_stop"];
    assert_eq!(names[names.len() - 3..], end);
    let text: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert_eq!(text, "Hé\n!");
    let last = &events[events.len() - 2];
    assert_eq!(last["delta"], json!({"stop_reason": "end_turn", "stop_sequence": null}));
    assert_eq!(last["usage"]["output_tokens"], 4);
}

#[tokio::test]
async fn a_whole_answer_says_why_it_ended() {
    let script = Script::new();
    script.set("REPLY", "One END two");
    let server = Server::scripted(&script, &[]);
    let answer = async |fields: Value| -> Value {
        let mut body = hello(false);
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        ask(&server, "/v1/messages", &body).send().await.unwrap().json().await.unwrap()
    };
    let whole = answer(json!({})).await;
    assert_eq!(whole["content"], json!([{"type": "text", "text": "One END two"}]));
    assert_eq!(whole["stop_reason"], "end_turn");
    assert!(whole["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!((&whole["type"], &whole["role"]), (&json!("message"), &json!("assistant")));
    let stopped = answer(json!({"stop_sequences": ["END"]})).await;
    assert_eq!(stopped["content"], json!([{"type": "text", "text": "One "}]));
    assert_eq!(stopped["stop_reason"], "stop_sequence");
    assert_eq!(stopped["stop_sequence"], "END");
    let limited = answer(json!({"max_tokens": 1})).await;
    assert_eq!(limited["stop_reason"], "max_tokens");
    assert_eq!(limited["usage"]["output_tokens"], 1);
}

#[tokio::test]
async fn every_error_has_the_shape_of_the_dialect() {
    let script = Script::new();
    let server = Server::scripted(&script, &["--context-length", "64"]);
    let mut said = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/v1/messages", "{"),
        (Method::POST, "/v1/messages", r#"{"messages": [{"role": "user", "content": "Hi"}]}"#),
        (Method::POST, "/v1/messages/count_tokens?beta=true", "{}"),
        (Method::GET, "/v1/messages", ""),
        (Method::POST, "/v1/messages/batches", ""),
    ] {
        let url = format!("{}{path}", server.url());
        let request = reqwest::Client::new().request(method.clone(), url).body(body);
        let response = request.send().await.unwrap();
        let (status, id) = (response.status().as_u16(), response.headers()["request-id"].clone());
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["request_id"], id.to_str().unwrap());
        let kind = error["error"]["type"].as_str().unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        said.push(format!("{method} {path}\n  {status} {kind}: {message}"));
    }
    insta::assert_snapshot!(said.join("\n"));
    let mut long = hello(true);
    long["messages"][0]["content"] = "word ".repeat(50_000).into();
    let response = ask(&server, "/v1/messages", &long).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let error: Value = response.json().await.unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("prompt is too long: "), "{message}");
}

#[tokio::test]
async fn a_runtime_that_fails_while_streaming_is_an_event() {
    let script = Script::new();
    script.set("ERROR_AFTER", 2);
    let server = Server::scripted(&script, &[]);
    let events = events(ask(&server, "/v1/messages", &hello(true)).send().await.unwrap()).await;
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["error"]["type"]), (&json!("error"), &json!("api_error")));
    assert!(!types(&events).contains(&"message_stop"));
    let whole = ask(&server, "/v1/messages", &hello(false)).send().await.unwrap();
    assert_eq!(whole.status(), 500);
}

#[tokio::test]
async fn a_stream_begins_while_its_request_is_in_line_and_leaving_ends_its_run() {
    let script = Script::new();
    script.set("PREFILL_MS", 600_000).set("PREFILL_ABORTABLE", 1);
    let server = Server::scripted(&script, &[]);
    let body = hello(true).to_string();
    let mut socket = TcpStream::connect(&server.address).unwrap();
    let head = "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length";
    socket.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("event: ping") {
        let mut piece = [0; 4096];
        let length = socket.read(&mut piece).unwrap();
        assert_ne!(length, 0);
        said.extend_from_slice(&piece[..length]);
    }
    script.wait_for_log("run start", DEADLINE);
    script.set("PREFILL_MS", 0).set("TOKENS", 3);
    drop(socket);
    let next: Value =
        ask(&server, "/v1/messages", &hello(false)).send().await.unwrap().json().await.unwrap();
    assert_eq!(next["usage"]["output_tokens"], 3);
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn models_are_listed_for_clients_that_say_they_are_anthropics() {
    let server = Server::scripted(&Script::new(), &[]);
    let url = format!("{}/v1/models", server.url());
    let get = async |path: &str| -> Value {
        let request = reqwest::Client::new().get(format!("{url}{path}"));
        let response = request.header("anthropic-version", "2023-06-01").send().await.unwrap();
        response.json().await.unwrap()
    };
    let models = get("?limit=1000").await;
    let (first, id) = (&models["data"][0], &models["first_id"]);
    assert_eq!((&first["id"], &first["type"]), (id, &json!("model")), "{models}");
    assert_eq!(models["has_more"], false);
    assert_eq!(get(&format!("/{}", id.as_str().unwrap())).await, *first);
    assert_eq!(get("/org%2Fnone").await["error"]["type"], "not_found_error");
    let asked = async |model: &str| -> Value {
        let mut body = hello(false);
        body["model"] = model.into();
        ask(&server, "/v1/messages", &body).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(asked(id.as_str().unwrap()).await["model"], *id);
    let unknown = asked("claude-unknown").await;
    assert_eq!(unknown["error"]["type"], "not_found_error", "{unknown}");
    assert!(unknown["request_id"].is_string());
}

#[tokio::test]
async fn tokens_are_counted_while_the_model_is_busy_and_nobody_may_wait() {
    let script = Script::new();
    script.set("TOKENS", "forever").set("TOKEN_US", 20_000);
    hermes::add_files(&script);
    let server = Server::scripted(&script, &["--queue-depth", "0"]);
    let running = ask(&server, "/v1/messages", &hello(true)).send().await.unwrap();
    script.wait_for_log("run start", DEADLINE);
    let mut body = hello(false);
    body.as_object_mut().unwrap().remove("max_tokens");
    let counted = ask(&server, "/v1/messages/count_tokens", &body).send().await.unwrap();
    assert_eq!(counted.status(), 200);
    assert!(counted.json::<Value>().await.unwrap()["input_tokens"].as_u64().unwrap() > 10);
    let refused = ask(&server, "/v1/messages", &hello(false)).send().await.unwrap();
    assert_eq!(refused.status(), 503, "the model is still busy");
    drop(running);
}
