//! The Ollama API on the scripted runtime.

use futures_util::StreamExt;
use reqwest::{Method, Response};
use rkllm_fake::Script;
use serde_json::{Value, json};

use crate::hermes;
use crate::server::Server;

async fn send(server: &Server, method: Method, path: &str, body: &Value) -> Response {
    let url = format!("{}{path}", server.url());
    // No content type, as some clients have it.
    let request = reqwest::Client::new().request(method, url).body(body.to_string());
    request.send().await.unwrap()
}

async fn post(server: &Server, path: &str, body: Value) -> Response {
    send(server, Method::POST, path, &body).await
}

/// The lines of a stream, each of which came in one chunk.
async fn lines(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let mut chunks = response.bytes_stream();
    let mut lines = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.unwrap();
        let line = chunk.strip_suffix(b"\n").expect("a chunk is a whole line");
        lines.push(serde_json::from_slice(line).expect("a line is one JSON object"));
    }
    lines
}

fn hello(more: Value) -> Value {
    let mut body = json!({
        "model": "model",
        "messages": [{"role": "user", "content": "Hello"}],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The numbers of a last line: all there, none below zero.
fn check_counts(last: &Value) {
    for key in [
        "total_duration",
        "load_duration",
        "prompt_eval_count",
        "prompt_eval_duration",
        "eval_count",
        "eval_duration",
    ] {
        assert!(last[key].is_u64(), "{key} of {last}");
    }
}

#[tokio::test]
async fn a_chat_streams_lines_that_every_client_can_read() {
    let script = Script::new();
    script.set("TOKENS", 5);
    let server = Server::scripted(&script, &[]);
    let lines = lines(post(&server, "/api/chat", hello(json!({}))).await).await;
    let (last, before) = lines.split_last().unwrap();
    let mut text = String::new();
    for line in before {
        assert_eq!((&line["model"], &line["done"]), (&json!("model"), &json!(false)));
        assert_eq!(line["message"]["role"], "assistant");
        assert!(line["created_at"].as_str().unwrap().ends_with('Z'));
        text.push_str(line["message"]["content"].as_str().unwrap());
    }
    assert_eq!(text, " t0 t1 t2 t3 t4");
    assert_eq!(last["message"], json!({"role": "assistant", "content": ""}));
    assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("stop")));
    assert_eq!(last["eval_count"], 5);
    check_counts(last);
}

#[tokio::test]
async fn without_streaming_it_is_one_object() {
    let script = Script::new();
    let server = Server::scripted(&script, &[]);
    let more = json!({
        "stream": false, "tools": [], "format": "", "think": null, "keep_alive": "-1s",
        "options": {"num_ctx": 999_999, "num_predict": 3, "wings": 2},
    });
    let response = post(&server, "/api/chat", hello(more)).await;
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    let ignored = response.headers()["x-rkllm-ignored"].to_str().unwrap().to_owned();
    assert!(ignored.contains("options.wings, options.num_ctx"), "{ignored}");
    let whole: Value = response.json().await.unwrap();
    assert_eq!(whole["message"]["content"], " t0 t1 t2");
    assert_eq!(whole["done_reason"], "length");
    check_counts(&whole);
}

#[tokio::test]
async fn a_smaller_context_holds_and_one_that_is_too_small_or_too_large_is_listed() {
    let script = Script::new();
    script.set("TOKENS", 2000);
    hermes::add_files(&script);
    let server = Server::scripted(&script, &["--context-length", "1024"]);
    let ask = async |tokens: u32| {
        let more = json!({"stream": false, "options": {"num_ctx": tokens}});
        let response = post(&server, "/api/chat", hello(more)).await;
        assert_eq!(response.status(), 200);
        let ignored = response.headers().get("x-rkllm-ignored").is_some_and(|names| {
            assert_eq!(names, "options.num_ctx");
            true
        });
        let whole: Value = response.json().await.unwrap();
        assert_eq!(whole["done_reason"], "length");
        let count = |key: &str| whole[key].as_u64().unwrap();
        (count("prompt_eval_count") + count("eval_count"), ignored)
    };
    assert_eq!(ask(512).await, (512, false));
    assert_eq!(ask(1024).await, (1024, false));
    assert_eq!(ask(4096).await, (1024, true));
    assert_eq!(ask(10).await, (1024, true));
}

#[tokio::test]
async fn a_prompt_is_continued() {
    let script = Script::new();
    script.set("TOKENS", 3);
    let server = Server::scripted(&script, &[]);
    let body = json!({"model": "model", "prompt": "Hello", "options": {"stop": " t2"}});
    let lines = lines(post(&server, "/api/generate", body).await).await;
    let text: String = lines.iter().map(|line| line["response"].as_str().unwrap()).collect();
    assert_eq!(text, " t0 t1");
    assert!(lines.iter().all(|line| line.get("message").is_none()));
    assert_eq!(lines.last().unwrap()["done_reason"], "stop");
}

#[tokio::test]
async fn errors_are_texts_before_a_stream_and_in_it() {
    let script = Script::new();
    script.set("ERROR_AFTER", 2);
    let server = Server::scripted(&script, &[]);
    let streamed = lines(post(&server, "/api/chat", hello(json!({}))).await).await;
    let (last, before) = streamed.split_last().unwrap();
    assert!(last["error"].is_string() && last.get("done").is_none(), "{last}");
    assert!(before.iter().all(|line| line.get("error").is_none()));
    let whole = post(&server, "/api/chat", hello(json!({"stream": false}))).await;
    assert_eq!(whole.status(), 500);
    assert!(whole.json::<Value>().await.unwrap()["error"].is_string());
    for (method, path, body, status) in [
        (Method::POST, "/api/chat", json!({"messages": []}), 400),
        (
            Method::POST,
            "/api/chat",
            hello(json!({"messages": [{"role": "user", "images": ["x"]}]})),
            400,
        ),
        (
            Method::POST,
            "/api/generate",
            json!({"model": "model", "prompt": "a", "raw": true, "system": "b"}),
            400,
        ),
        (Method::POST, "/api/pull", json!({"model": "hf.co/a/b"}), 400),
        (Method::GET, "/api/chat", json!(null), 405),
        (Method::GET, "/api/nowhere", json!(null), 404),
    ] {
        let response = send(&server, method, path, &body).await;
        assert_eq!(response.status(), status, "{path} {body}");
        let said: Value = response.json().await.unwrap();
        assert!(said["error"].is_string(), "{path} {body}: {said}");
    }
}

#[tokio::test]
async fn programs_find_out_what_there_is() {
    let script = Script::new();
    let server = Server::scripted(&script, &[]);
    let root = send(&server, Method::GET, "/", &json!(null)).await;
    assert_eq!(root.text().await.unwrap(), "Ollama is running");
    for path in ["/", "/api/version", "/api/tags"] {
        let head = send(&server, Method::HEAD, path, &json!(null)).await;
        assert_eq!(head.status(), 200, "{path}");
        assert!(head.bytes().await.unwrap().is_empty());
    }
    for path in ["/api/tags", "/api/ps"] {
        let listed: Value =
            send(&server, Method::GET, path, &json!(null)).await.json().await.unwrap();
        assert!(listed["models"].is_array(), "{path}: {listed}");
    }
}

#[tokio::test]
async fn whoever_leaves_makes_room() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &[]);
    let mut chunks = post(&server, "/api/chat", hello(json!({}))).await.bytes_stream();
    chunks.next().await.unwrap().unwrap();
    script.set("TOKENS", 3);
    drop(chunks);
    let next = post(&server, "/api/chat", hello(json!({"stream": false}))).await;
    assert_eq!(next.json::<Value>().await.unwrap()["eval_count"], 3);
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn vectors_of_nothing_of_too_much_and_of_more_numbers_than_there_are() {
    let script = Script::new();
    hermes::add_files(&script);
    let server = Server::scripted(&script, &["--context-length", "64"]);
    let embed = async |more: Value| {
        let mut body = json!({"model": "model"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let response = post(&server, "/api/embed", body).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let long = "word ".repeat(50);
    let (status, said) = embed(json!({"input": long, "truncate": false})).await;
    assert_eq!(
        (status, said),
        (400, json!({"error": "the input length exceeds the context length"}))
    );
    let (status, said) = embed(json!({"input": long})).await;
    assert_eq!((status, &said["prompt_eval_count"]), (200, &json!(64)), "{said}");
    let (status, said) = embed(json!({"input": []})).await;
    assert_eq!((status, &said["embeddings"]), (200, &json!([])));
    let old = post(&server, "/api/embeddings", json!({"model": "model", "prompt": ""})).await;
    assert_eq!(old.status(), 200);
    assert_eq!(old.json::<Value>().await.unwrap(), json!({"embedding": []}));
    let (_, all) = embed(json!({"input": "a"})).await;
    let (status, said) = embed(json!({"input": "a", "dimensions": 100_000})).await;
    assert_eq!((status, &said["embeddings"]), (200, &all["embeddings"]));
    assert!(!all["embeddings"][0].as_array().unwrap().is_empty(), "{all}");
    let body = json!({"model": "model", "input": "a", "dimensions": 100_000});
    let refused = post(&server, "/v1/embeddings", body).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["param"], "dimensions");
}
