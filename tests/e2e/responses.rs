//! The Responses API of the built server, on the scripted runtime.

use reqwest::{Method, RequestBuilder, Response};
use rkllm_fake::Script;
use serde_json::{Value, json};

use crate::server::Server;

fn send(server: &Server, method: Method, path: &str) -> RequestBuilder {
    let url = format!("{}/v1/responses{path}", server.url());
    reqwest::Client::new().request(method, url)
}

async fn post(server: &Server, more: Value) -> Response {
    let mut body = json!({"model": "model", "input": "hi"});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    send(server, Method::POST, "").body(body.to_string()).send().await.unwrap()
}

async fn error(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    response.json::<Value>().await.unwrap()["error"].take()
}

/// The data of a stream's events: each has a name that is its data's type, and its number.
async fn events(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let events = text.split_terminator("\n\n").enumerate().map(|(number, event)| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], *name.strip_prefix("event: ").unwrap());
        assert_eq!(data["sequence_number"], number);
        data
    });
    events.collect()
}

#[tokio::test]
async fn an_answer_in_one_piece_is_kept_until_it_is_deleted() {
    let script = Script::new();
    script.set("REPLY", "Paris.");
    let server = Server::scripted(&script, &[]);
    let whole: Value = post(&server, json!({"metadata": {"a": "b"}})).await.json().await.unwrap();
    assert_eq!((&whole["object"], &whole["status"]), (&json!("response"), &json!("completed")));
    assert_eq!(whole["output"][0]["content"][0]["text"], "Paris.");
    assert_eq!(whole["usage"]["output_tokens"], 6);
    assert_eq!(whole["metadata"], json!({"a": "b"}));
    let path = format!("/{}", whole["id"].as_str().unwrap());
    let kept = send(&server, Method::GET, &format!("{path}?stream=false")).send().await.unwrap();
    assert_eq!(kept.headers()["content-type"], "application/json");
    assert_eq!(kept.json::<Value>().await.unwrap(), whole);
    let deleted = send(&server, Method::DELETE, &path).send().await.unwrap();
    let expected = json!({"id": whole["id"], "object": "response", "deleted": true});
    assert_eq!(deleted.json::<Value>().await.unwrap(), expected);
    for method in [Method::GET, Method::DELETE] {
        let gone = error(send(&server, method, &path).send().await.unwrap(), 404).await;
        assert_eq!((&gone["code"], &gone["param"]), (&json!("not_found"), &json!("id")));
    }
}

#[tokio::test]
async fn an_answer_in_pieces_can_be_continued() {
    let script = Script::new();
    script.set("REPLY", "Hé!");
    let server = Server::scripted(&script, &[]);
    let events = events(post(&server, json!({"stream": true})).await).await;
    let names = events.iter().map(|event| event["type"].as_str().unwrap());
    let names: Vec<_> = names.map(|name| name.strip_prefix("response.").unwrap()).collect();
    let start = ["created", "in_progress", "output_item.added", "content_part.added"];
    let end = ["output_text.done", "content_part.done", "output_item.done", "completed"];
    assert!(names.starts_with(&start) && names.ends_with(&end), "{names:?}");
    let text: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(text, "Hé!");
    let whole = &events.last().unwrap()["response"];
    assert_eq!(whole["output"][0]["content"][0]["text"], "Hé!");
    let unkept: Value = post(&server, json!({"store": false})).await.json().await.unwrap();
    // The reply is the prompt. New instructions keep the runtime from going on where it was.
    script.unset("REPLY").set("TOKENS", 1).set("TEXT", "%p");
    let next = json!({"previous_response_id": whole["id"], "instructions": "Be brief.", "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "and?"}]}]});
    let next: Value = post(&server, next).await.json().await.unwrap();
    assert_eq!(next["previous_response_id"], whole["id"]);
    let prompt = next["output"][0]["content"][0]["text"].as_str().unwrap();
    let places: Vec<_> = ["hi", "Hé!", "and?"].iter().map(|said| prompt.find(said)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{prompt}");
    let next = post(&server, json!({"previous_response_id": unkept["id"]})).await;
    let unknown = error(next, 404).await;
    assert_eq!(unknown["code"], "previous_response_not_found");
    assert_eq!(unknown["param"], "previous_response_id");
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn the_limit_and_a_failure_have_their_own_ends() {
    let script = Script::new();
    script.set("TOKENS", 5);
    let server = Server::scripted(&script, &[]);
    let cut = events(post(&server, json!({"stream": true, "max_output_tokens": 2})).await).await;
    let last = cut.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
    script.set("ERROR_AFTER", 2);
    let broken = events(post(&server, json!({"stream": true})).await).await;
    let last = broken.last().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["error"]["code"], "server_error");
    let whole = error(post(&server, json!({})).await, 500).await;
    assert_eq!(whole["type"], "server_error");
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_the_fault_of_its_input() {
    let server = Server::scripted(&Script::new(), &["--context-length", "64"]);
    let long = json!({"input": "word ".repeat(50_000), "stream": true, "user": "u"});
    let error = error(post(&server, long).await, 400).await;
    assert_eq!(error["code"], "context_length_exceeded");
    assert_eq!(error["param"], "input");
}

#[tokio::test]
async fn one_key_does_not_see_the_answers_of_another() {
    let server = Server::scripted(&Script::new(), &["--api-key", "one", "--api-key", "two"]);
    let body = json!({"model": "model", "input": "hi"}).to_string();
    let request = send(&server, Method::POST, "").bearer_auth("one").body(body);
    let whole: Value = request.send().await.unwrap().json().await.unwrap();
    let path = format!("/{}", whole["id"].as_str().unwrap());
    let seen = async |key: &str| {
        let request = send(&server, Method::GET, &path).bearer_auth(key);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((seen("two").await, seen("one").await), (404, 200));
}
