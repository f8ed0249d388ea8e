//! How many functions an answer calls, over every API that lets a request say so.

use rkllm_fake::Script;
use serde_json::{Value, json};

use crate::hermes;
use crate::server::Server;

const FIRST: &str =
    "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
const SECOND: &str = "\n<tool_call>\n{\"name\": \"time\", \"arguments\": {}}\n</tool_call>";

/// Bytes, and so tokens, up to where the first call is whole: the end of its arguments.
fn needed() -> usize {
    FIRST.len() - "}\n</tool_call>".len()
}

/// A server whose model calls two functions.
fn caller(script: &Script) -> Server {
    script.set("REPLY", format!("{FIRST}{SECOND}"));
    hermes::add_files(script);
    Server::scripted(script, &[])
}

async fn post(server: &Server, path: &str, body: Value) -> Value {
    let url = format!("{}{path}", server.url());
    let response = reqwest::Client::new().post(url).body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("x-rkllm-ignored").is_none());
    response.json().await.unwrap()
}

/// A body with more in it.
fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_chat_ends_after_its_only_call() {
    let script = Script::new();
    let server = caller(&script);
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let body = json!({
        "model": "model",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [tool("weather"), tool("time")],
    });
    let names = |answer: &Value| -> Vec<String> {
        let calls = answer["choices"][0]["message"]["tool_calls"].as_array().unwrap();
        let names = calls.iter().map(|call| call["function"]["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    let path = "/v1/chat/completions";
    let both = post(&server, path, body.clone()).await;
    assert_eq!(names(&both), ["weather", "time"]);
    let one = post(&server, path, with(body.clone(), json!({"parallel_tool_calls": false}))).await;
    assert_eq!(names(&one), ["weather"]);
    assert_eq!(one["choices"][0]["finish_reason"], "tool_calls");
    // Nobody waits for what is not told.
    assert_eq!(one["usage"]["completion_tokens"], needed());
    let functions = json!([{"name": "weather"}, {"name": "time"}]);
    let legacy = with(body, json!({"tools": null, "functions": functions}));
    let legacy = post(&server, path, legacy).await;
    assert_eq!(legacy["choices"][0]["message"]["function_call"]["name"], "weather");
    assert_eq!(legacy["usage"]["completion_tokens"], needed());
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn a_message_and_a_response_end_after_their_only_call() {
    let script = Script::new();
    let server = caller(&script);
    let messages = json!([{"role": "user", "content": "hi"}]);
    let body = json!({
        "model": "model", "max_tokens": 500, "messages": messages,
        "tools": [{"name": "weather", "input_schema": {}}, {"name": "time", "input_schema": {}}],
    });
    let both = post(&server, "/v1/messages", body.clone()).await;
    assert_eq!(both["content"].as_array().unwrap().len(), 2, "{both}");
    let single = json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}});
    let one = post(&server, "/v1/messages", with(body, single)).await;
    assert_eq!(one["content"].as_array().unwrap().len(), 1, "{one}");
    assert_eq!(
        (&one["content"][0]["input"], &one["stop_reason"]),
        (&json!({"city": "Oslo"}), &json!("tool_use"))
    );
    assert_eq!(one["usage"]["output_tokens"], needed());
    let body = json!({
        "model": "model", "input": "hi", "parallel_tool_calls": false,
        "tools": [{"type": "function", "name": "weather"}, {"type": "function", "name": "time"}],
    });
    let one = post(&server, "/v1/responses", body).await;
    assert_eq!(one["output"].as_array().unwrap().len(), 1, "{one}");
    assert_eq!(
        (&one["output"][0]["name"], &one["status"]),
        (&json!("weather"), &json!("completed"))
    );
    assert_eq!(one["usage"]["output_tokens"], needed());
}

/// Runtimes give no text of special tokens, and a call within a line is one only behind its mark.
#[tokio::test]
async fn the_mark_of_a_call_may_be_a_token_without_text() {
    let script = Script::new();
    let call = r#"{"name": "weather", "arguments": {}}"#;
    let pieces = ["Let", " me", " see: ", "", call];
    assert_eq!(pieces[(hermes::CALL - 1000) as usize], "");
    script.set("REPLY", pieces.join("|")).set("REPLY_SEPARATOR", "|");
    hermes::add_files(&script);
    let server = Server::scripted(&script, &[]);
    let body = json!({
        "model": "model",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "weather"}}],
    });
    let answer = post(&server, "/v1/chat/completions", body.clone()).await;
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"]["name"], "weather", "{answer}");
    assert_eq!(message["content"], "Let me see:");
    // Who offers no functions gets the text as the runtime gives it.
    let plain = post(&server, "/v1/chat/completions", with(body, json!({"tools": null}))).await;
    let text = &plain["choices"][0]["message"]["content"];
    assert_eq!(*text, format!("Let me see: {call}"));
}

#[tokio::test]
async fn a_model_that_cannot_be_told_of_tools_refuses_them() {
    let script = Script::new();
    hermes::add_files(&script);
    std::fs::remove_file(script.model().parent().unwrap().join("chat_template.jinja")).unwrap();
    let server = Server::scripted(&script, &[]);
    let body = json!({
        "model": "model",
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "weather"}}],
    });
    let url = format!("{}/v1/chat/completions", server.url());
    let response = reqwest::Client::new().post(url).body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let error = response.json::<Value>().await.unwrap()["error"].take();
    assert_eq!((&error["param"], &error["code"]), (&json!("tools"), &json!("unsupported_value")));
}
