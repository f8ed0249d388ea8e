//! The OpenAI API of the built server, on the scripted runtime.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Method, Response};
use rkllm_fake::Script;
use serde_json::{Value, json};

use crate::hermes;
use crate::server::Server;

/// The name of the scripted model.
const MODEL: &str = "model";

async fn send(server: &Server, method: Method, path: &str, body: impl Into<String>) -> Response {
    let url = format!("{}{path}", server.url());
    reqwest::Client::new().request(method, url).body(body.into()).send().await.unwrap()
}

async fn post(server: &Server, path: &str, body: Value) -> Response {
    send(server, Method::POST, path, body.to_string()).await
}

/// A chat of one message, and whatever else.
fn chat(more: Value) -> Value {
    let mut body = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let more = more.as_object().cloned().unwrap_or_default();
    body.as_object_mut().unwrap().extend(more);
    body
}

/// The values of a stream's events, `[DONE]` among them as a string.
fn events(body: &str) -> Vec<Value> {
    let events = body.split_terminator("\n\n").map(|event| {
        let data = event.strip_prefix("data: ").expect("an event is one line of data");
        serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()))
    });
    events.collect()
}

/// What of an answer differs from run to run, out of the way.
fn settled(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    assert!(fields["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(fields["created"].as_u64().unwrap() > 1_700_000_000);
    for varying in ["id", "created", "timings"] {
        fields.remove(varying);
    }
    body
}

#[tokio::test]
async fn a_chat_in_one_piece() {
    let script = Script::new();
    script.set("REPLY", "Paris.");
    let server = Server::scripted(&script, &[]);
    let response = post(&server, "/v1/chat/completions/?beta=1", chat(json!({"stop": null}))).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("x-rkllm-ignored").is_none());
    let body = settled(response.json().await.unwrap());
    insta::assert_json_snapshot!(body);
}

#[tokio::test]
async fn a_chat_in_pieces() {
    let script = Script::new();
    script.set("REPLY", "Hé!");
    let server = Server::scripted(&script, &[]);
    let options = json!({"stream": true, "stream_options": {"include_usage": true}});
    let response = post(&server, "/v1/chat/completions", chat(options)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("\n\ndata: [DONE]\n\n"), "{text}");
    let events = events(&text);
    let (end, chunks) = events.split_last().unwrap();
    assert_eq!(end, "[DONE]");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["model"] == MODEL));
    let deltas: Vec<_> = chunks.iter().flat_map(|chunk| chunk["choices"].as_array()).collect();
    let deltas: Vec<_> = deltas.into_iter().flatten().map(|choice| &choice["delta"]).collect();
    assert_eq!(deltas[0], &json!({"role": "assistant", "content": ""}));
    assert_eq!(deltas.last(), Some(&&json!({})));
    let text: String = deltas.iter().filter_map(|delta| delta["content"].as_str()).collect();
    assert_eq!(text, "Hé!");
    let usages: Vec<_> = chunks.iter().filter(|chunk| chunk["usage"].is_object()).collect();
    assert_eq!(usages.len(), 1);
    assert_eq!(usages[0]["choices"], json!([]));
    assert_eq!(usages[0]["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn several_answers_come_one_after_the_other_though_nobody_may_wait() {
    let script = Script::new();
    script.set("REPLY", "ok");
    let server = Server::scripted(&script, &["--queue-depth", "0"]);
    let response = post(&server, "/v1/chat/completions", chat(json!({"n": 3}))).await;
    let body: Value = response.json().await.unwrap();
    let choices = body["choices"].as_array().unwrap();
    let said: Vec<_> = choices.iter().map(|choice| &choice["message"]["content"]).collect();
    assert_eq!(said, ["ok", "ok", "ok"]);
    assert_eq!(body["usage"]["completion_tokens"], 6);
    let response = post(&server, "/v1/chat/completions", chat(json!({"n": 2, "stream": true})));
    let events = events(&response.await.text().await.unwrap());
    let ends = events.iter().map(|event| &event["choices"][0]);
    let ends: Vec<_> = ends.filter(|choice| choice["finish_reason"].is_string()).collect();
    assert_eq!(ends.len(), 2);
    assert_eq!((&ends[0]["index"], &ends[1]["index"]), (&json!(0), &json!(1)));
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn what_has_no_effect_is_listed_by_its_own_name() {
    let server = Server::scripted(&Script::new(), &[]);
    let more = json!({"seed": 5, "user": "u", "messages": [{"role": "system", "content": "x",
        "cache_control": {}}]});
    let response = post(&server, "/v1/chat/completions", chat(more)).await;
    assert_eq!(response.status(), 200);
    let ignored = response.headers()["x-rkllm-ignored"].to_str().unwrap();
    let mut ignored: Vec<_> = ignored.split(", ").collect();
    ignored.sort_unstable();
    assert_eq!(ignored, ["messages[0].cache_control", "messages[0].role", "seed", "user"]);
}

#[tokio::test]
async fn every_fault_has_the_same_shape() {
    let server = Server::scripted(&Script::new(), &[]);
    let completions = "/v1/chat/completions";
    let mut said = Vec::new();
    for (method, path, body) in [
        (Method::POST, completions, "{".to_owned()),
        (Method::POST, completions, chat(json!({"messages": []})).to_string()),
        (Method::POST, completions, chat(json!({"logprobs": true})).to_string()),
        (Method::POST, completions, chat(json!({"stop": [""]})).to_string()),
        (Method::POST, "/v1/completions", json!({"model": "m"}).to_string()),
        (Method::POST, "/v1/embeddings", json!({"model": MODEL, "input": []}).to_string()),
        (Method::POST, "/v1/rerank", json!({"query": "q", "documents": []}).to_string()),
        (Method::POST, "/detokenize", json!({"tokens": "x"}).to_string()),
        (Method::DELETE, "/v1/models", String::new()),
        (Method::GET, "/v1/audio/speech", String::new()),
    ] {
        let response = send(&server, method.clone(), path, body).await;
        let (status, body) = (response.status(), response.text().await.unwrap());
        let error = serde_json::from_str::<Value>(&body).expect("errors are JSON")["error"].take();
        let message = error["message"].as_str().unwrap();
        let message = message.split("; send for example").next().unwrap();
        said.push(format!(
            "{method} {path}\n  {} {} {} {}\n  {message}",
            status.as_u16(),
            error["type"],
            error["code"],
            error["param"]
        ));
    }
    insta::assert_snapshot!(said.join("\n"));
    let url = format!("{}{completions}", server.url());
    let compressed = reqwest::Client::new().post(url).header("content-encoding", "br");
    let compressed = compressed.body("...").send().await.unwrap();
    assert_eq!(compressed.status(), 415);
    let body: Value = compressed.json().await.unwrap();
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let large = send(&server, Method::POST, completions, " ".repeat(65 << 20)).await;
    assert_eq!(large.status(), 413);
    let body: Value = large.json().await.unwrap();
    assert_eq!(body["error"]["code"], "request_too_large");
}

#[tokio::test]
async fn models_are_listed_and_found_by_name() {
    let server = Server::scripted(&Script::new(), &[]);
    let get = async |path: &str| send(&server, Method::GET, path, "").await;
    let list: Value = get("/v1/models/").await.json().await.unwrap();
    let ids = list["data"].as_array().unwrap().iter().map(|model| &model["id"]);
    assert_eq!(ids.collect::<Vec<_>>(), [MODEL]);
    let one: Value = get("/v1/models/m%6Fdel").await.json().await.unwrap();
    assert_eq!(one, list["data"][0]);
    for unknown in [
        get("/v1/models/nope").await,
        post(&server, "/v1/chat/completions", chat(json!({"model": "nope"}))).await,
    ] {
        assert_eq!(unknown.status(), 404);
        let body: Value = unknown.json().await.unwrap();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["param"]),
            (&json!("model_not_found"), &json!("model"))
        );
    }
}

#[tokio::test]
async fn prompts_are_continued_in_order() {
    let script = Script::new();
    script.set("REPLY", "ok");
    let server = Server::scripted(&script, &[]);
    let body = json!({"model": MODEL, "prompt": ["a", "b"], "n": 2, "echo": true, "max_tokens": 9});
    let body: Value = post(&server, "/v1/completions", body).await.json().await.unwrap();
    assert_eq!(body["object"], "text_completion");
    let choices = body["choices"].as_array().unwrap();
    let said: Vec<_> = choices.iter().map(|choice| choice["text"].as_str().unwrap()).collect();
    assert_eq!(said, ["aok", "aok", "bok", "bok"]);
}

#[tokio::test]
async fn a_runtime_that_fails_is_an_error_before_and_in_a_stream() {
    let script = Script::new();
    script.set("ERROR_AFTER", "2");
    let server = Server::scripted(&script, &[]);
    let whole = post(&server, "/v1/chat/completions", chat(json!({}))).await;
    assert_eq!(whole.status(), 500);
    let body: Value = whole.json().await.unwrap();
    assert_eq!(body["error"]["type"], "server_error");
    let stream = post(&server, "/v1/chat/completions", chat(json!({"stream": true}))).await;
    assert_eq!(stream.status(), 200);
    let events = events(&stream.text().await.unwrap());
    let (last, chunks) = events.split_last().unwrap();
    assert!(last["error"]["message"].is_string(), "{last}");
    assert!(chunks.iter().all(|chunk| chunk["choices"][0]["finish_reason"].is_null()));
}

#[tokio::test]
async fn a_full_line_says_when_to_try_again() {
    let script = Script::new();
    script.set("TOKENS", "forever").set("TOKEN_US", 20_000);
    let server = Server::scripted(&script, &["--queue-depth", "0"]);
    let running = post(&server, "/v1/chat/completions", chat(json!({"stream": true}))).await;
    let mut running = running.bytes_stream();
    running.next().await.unwrap().unwrap();
    let refused = post(&server, "/v1/chat/completions", chat(json!({"stream": true}))).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["type"], "server_error");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_run_and_those_that_would_have_followed() {
    for stream in [true, false] {
        let script = Script::new();
        script.set("TOKENS", "forever");
        let server = Server::scripted(&script, &[]);
        let body = chat(json!({"stream": stream, "n": 5})).to_string();
        let length = body.len();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}"
        );
        let mut socket = TcpStream::connect(&server.address).unwrap();
        socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        script.wait_for_log("run start", Duration::from_secs(60));
        script.set("TOKENS", "3");
        drop(socket);
        let next = post(&server, "/v1/chat/completions", chat(json!({}))).await;
        let next: Value = next.json().await.unwrap();
        assert_eq!(next["usage"]["completion_tokens"], 3);
        assert!(script.misuse().is_empty(), "{:?}", script.misuse());
    }
}

#[tokio::test]
async fn documents_reach_templates_that_show_them() {
    let script = Script::new();
    script.set("REPLY", "no").set("WHEN_1", hermes::tokens("T: x\nhi")).set("REPLY_1", "yes");
    hermes::add_files(&script);
    let body = || chat(json!({"documents": [{"title": "T", "text": "x"}]}));
    let refused = post(&Server::scripted(&script, &[]), "/v1/chat/completions", body()).await;
    assert_eq!(refused.status(), 400);
    let error = refused.json::<Value>().await.unwrap()["error"].take();
    assert_eq!(
        (&error["param"], &error["code"]),
        (&json!("documents"), &json!("unsupported_value"))
    );
    let template = "{% for d in documents %}{{ d.title }}: {{ d.text }}\n{% endfor %}\
        {{ messages[-1].content }}";
    let folder = script.model().parent().unwrap();
    std::fs::write(folder.join("chat_template.jinja"), template).unwrap();
    let response = post(&Server::scripted(&script, &[]), "/v1/chat/completions", body()).await;
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "yes", "{answer}");
}

#[tokio::test]
async fn a_stream_begins_before_the_model_says_anything_and_leaving_ends_its_run() {
    let script = Script::new();
    script.set("PREFILL_MS", 600_000).set("PREFILL_ABORTABLE", 1);
    let server = Server::scripted(&script, &[]);
    let running = post(&server, "/v1/chat/completions", chat(json!({"stream": true}))).await;
    let mut running = running.bytes_stream();
    let first = running.next().await.unwrap().unwrap();
    let first = events(std::str::from_utf8(&first).unwrap());
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    script.wait_for_log("run start", Duration::from_secs(60));
    script.set("PREFILL_MS", 0).set("TOKENS", 3);
    drop(running);
    let next = post(&server, "/v1/chat/completions", chat(json!({}))).await;
    let next: Value = next.json().await.unwrap();
    assert_eq!(next["usage"]["completion_tokens"], 3);
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn json_comes_without_what_the_model_puts_around_it() {
    let script = Script::new();
    script.set("REPLY", "```json\n{\"a\":1}\n```");
    hermes::add_files(&script);
    let server = Server::scripted(&script, &[]);
    let more = json!({"response_format": {"type": "json_object"}});
    let response = post(&server, "/v1/chat/completions", chat(more)).await;
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], r#"{"a":1}"#, "{answer}");
    // A call is an answer as well.
    script.set("REPLY", "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>");
    let more = json!({"response_format": {"type": "json_object"},
        "tools": [{"type": "function", "function": {"name": "f"}}]});
    let response = post(&server, "/v1/chat/completions", chat(more)).await;
    let answer: Value = response.json().await.unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls", "{answer}");
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "f");
}

#[tokio::test]
async fn thoughts_are_no_part_of_the_json_that_was_asked_for() {
    let script = Script::new();
    script.set("REPLY", r#"<t>Hm</t>{"a":1}"#);
    hermes::add_files(&script);
    let settings = "reasoning = { start = \"<t>\", end = \"</t>\" }\n";
    std::fs::write(script.model().parent().unwrap().join("model.toml"), settings).unwrap();
    let server = Server::scripted(&script, &[]);
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}},
        "required": ["a"], "additionalProperties": false});
    let more = json!({"response_format":
        {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}});
    let response = post(&server, "/v1/chat/completions", chat(more)).await;
    let answer: Value = response.json().await.unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], r#"{"a":1}"#, "{answer}");
    assert_eq!(message["reasoning_content"], "Hm");
}

#[tokio::test]
async fn tokens_that_the_model_does_not_have_are_refused() {
    let script = Script::new();
    hermes::add_files(&script);
    let server = Server::scripted(&script, &[]);
    for (path, body, param) in [
        ("/v1/embeddings", json!({"model": MODEL, "input": [[150], [151, 100_257]]}), "input"),
        ("/v1/completions", json!({"model": MODEL, "prompt": [150, 100_257]}), "prompt"),
    ] {
        let response = post(&server, path, body).await;
        assert_eq!(response.status(), 400, "{path}");
        let error = response.json::<Value>().await.unwrap()["error"].take();
        assert_eq!(error["param"], param);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("the token 100257, which this model does not have"), "{message}");
    }
    for (path, body) in [
        ("/v1/embeddings", json!({"model": MODEL, "input": [[150], [151]]})),
        ("/v1/completions", json!({"model": MODEL, "prompt": [150, 151]})),
    ] {
        assert_eq!(post(&server, path, body).await.status(), 200, "{path}");
    }
}
