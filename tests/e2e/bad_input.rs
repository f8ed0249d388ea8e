//! What clients get wrong: one clear sentence each, and the server lives on.

use reqwest::{Method, StatusCode};

use crate::server::shared;

async fn send(method: Method, path: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    let url = format!("{}{path}", shared().url());
    let response = reqwest::Client::new().request(method, url).body(body).send().await.unwrap();
    let (status, body) = (response.status().as_u16(), response.text().await.unwrap());
    let json: serde_json::Value = serde_json::from_str(&body).expect("errors are JSON");
    assert_eq!(json["status"], "error", "{body}");
    let code = json["code"].as_str().unwrap();
    (status, format!("{status} {code}: {}", json["error"].as_str().unwrap()))
}

async fn refused(path: &str, body: impl Into<reqwest::Body>) -> String {
    send(Method::POST, path, body).await.1
}

#[tokio::test]
async fn each_fault_of_a_body_is_named() {
    let mut said = Vec::new();
    for (path, body) in [
        ("/generate", "".as_bytes()),
        ("/generate", b"{\"prompt\": \"Hi\""),
        ("/generate", b"{}"),
        ("/generate", b"{\"prompt\": null}"),
        ("/generate", b"{\"prompt\": 5}"),
        ("/generate", b"{\"prompt\": \"\"}"),
        ("/generate", b"{\"prompt\": \"a\\u0000b\"}"),
        ("/generate", b"{\"prompt\": \"\\ud800\"}"),
        ("/generate", b"{\"prompt\": \"\xff\xfe\"}"),
        ("/generate", br#"{"prompt": "Hi", "role": "robot"}"#),
        ("/generate", br#"{"prompt": "Hi", "stream": "yes"}"#),
        ("/generate", br#"{"prompt": "Hi", "temperature": -1}"#),
        ("/generate", br#"{"prompt": "Hi", "temperature": "hot"}"#),
        ("/generate", br#"{"prompt": "Hi", "temperature": 1e39}"#),
        ("/generate", br#"{"prompt": "Hi", "temperature": NaN}"#),
        ("/generate", br#"{"prompt": "Hi", "top_p": 1.5}"#),
        ("/generate", br#"{"prompt": "Hi", "top_k": -5}"#),
        ("/generate", br#"{"prompt": "Hi", "max_tokens": 0}"#),
        ("/generate", br#"{"prompt": "Hi", "max_new_tokens": 1000000000000000000}"#),
        ("/generate", br#"{"prompt": "Hi", "max_new_tokens": 1.5}"#),
        ("/generate", br#"{"prompt": "Hi", "max_tokens": 1, "max_new_tokens": 2}"#),
        ("/generate", br#"{"prompt": "Hi", "repeat_penalty": 0}"#),
        ("/generate", br#"{"prompt": "Hi", "stop": [""]}"#),
        ("/generate", br#"{"prompt": "Hi", "stop": 7}"#),
        ("/chat", b"{}"),
        ("/chat", b"[]"),
        ("/chat", b"null"),
        ("/chat", br#"{"messages": []}"#),
        ("/chat", br#"{"messages": "hi"}"#),
        ("/chat", br#"{"messages": ["hi"]}"#),
        ("/chat", br#"{"messages": [{"content": "hi"}]}"#),
        ("/chat", br#"{"messages": [{"role": "user"}]}"#),
        ("/chat", br#"{"messages": [{"role": "robot", "content": "hi"}]}"#),
        ("/chat", br#"{"messages": [{"role": "user", "content": null}]}"#),
        ("/chat", br#"{"messages": [{"role": "user", "content": "a\u0000"}]}"#),
    ] {
        let answer = refused(path, body).await;
        said.push(format!("{path} {}\n  {answer}", String::from_utf8_lossy(body)));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_json_errors() {
    let (_, not_found) = send(Method::GET, "/nowhere", "").await;
    insta::assert_snapshot!(not_found, @"404 not_found: there is no /nowhere here; the paths are GET /health, POST /generate and POST /chat");
    let (_, method) = send(Method::GET, "/chat", "").await;
    insta::assert_snapshot!(method, @"405 method_not_allowed: /chat takes POST, not GET");
    let (_, method) = send(Method::DELETE, "/health", "").await;
    insta::assert_snapshot!(method, @"405 method_not_allowed: /health takes GET, HEAD, not DELETE");
}

#[tokio::test]
async fn a_prompt_longer_than_the_context_is_refused_with_both_sizes() {
    let body = serde_json::json!({ "prompt": "word ".repeat(6000) }).to_string();
    let said = refused("/generate", body).await;
    assert!(said.starts_with("400 context_length_exceeded: This model's maximum"), "{said}");
    assert!(said.contains("maximum context length is 4096 tokens"), "{said}");
    assert!(said.contains("the prompt has 60"), "{said}");
}

#[tokio::test]
async fn ten_megabytes_are_refused_as_too_long_and_more_than_the_limit_as_too_large() {
    let body = serde_json::json!({ "prompt": "x".repeat(10_000_000) }).to_string();
    let said = refused("/generate", body).await;
    assert!(said.starts_with("400 context_length_exceeded: This model's maximum"), "{said}");
    assert!(said.contains("the prompt has 10000000 bytes"), "{said}");
    let said = refused("/generate", vec![b' '; 65 << 20]).await;
    assert!(said.starts_with("413 body_too_large"), "{said}");
}

#[tokio::test]
async fn deep_json_is_refused() {
    let said = refused("/chat", "[".repeat(20_000)).await;
    assert!(said.starts_with("400 invalid_request"), "{said}");
    let deep =
        format!("{{\"messages\": [], \"x\": {}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let said = refused("/chat", deep).await;
    assert!(said.starts_with("400 invalid_request"), "{said}");
}

#[tokio::test]
async fn bodies_compressed_in_unknown_ways_are_refused_by_name() {
    let url = format!("{}/generate", shared().url());
    let request = reqwest::Client::new().post(url).header("content-encoding", "br");
    let response = request.body("\x1f...").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["code"], "unsupported_encoding");
}

#[tokio::test]
async fn content_types_do_not_matter() {
    let url = format!("{}/generate", shared().url());
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json"] {
        let request = reqwest::Client::new().post(&url).header("content-type", content_type);
        let response = request.body(r#"{"prompt": "Hi", "max_tokens": 1}"#).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{content_type}");
    }
}
