//! Models over the Ollama API: a models directory, the scripted runtime, and a hub on this machine.

use std::path::Path;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};
use reqwest::{Method, Response};
use rkllm_fake::{Script, library};
use rkllm_sys::Generation;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::hermes;
use crate::server::Server;

/// A server with the folder of the script, which is a model, as its models directory.
fn start(script: &Script, env: &[(&str, &str)]) -> Server {
    let models = script.model().parent().unwrap().to_str().unwrap();
    let library = library(Generation::V1_3);
    Server::start_with(&["--models-dir", models, "--runtime", library.to_str().unwrap()], env)
}

async fn send(
    server: &Server,
    method: Method,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> Response {
    let url = format!("{}{path}", server.url());
    reqwest::Client::new().request(method, url).body(body).send().await.unwrap()
}

async fn post(server: &Server, path: &str, body: Value) -> Response {
    send(server, Method::POST, path, body.to_string()).await
}

/// The names that a listing has.
async fn names(server: &Server, path: &str) -> Vec<String> {
    let listed: Value = send(server, Method::GET, path, "").await.json().await.unwrap();
    let models = listed["models"].as_array().unwrap();
    let mut names: Vec<_> =
        models.iter().map(|model| model["model"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn answers(server: &Server, model: &str) -> bool {
    let body = json!({"model": model, "prompt": "Hello", "stream": false});
    post(server, "/api/generate", body).await.status() == 200
}

/// The statuses of a stream of lines.
async fn statuses(response: Response) -> Vec<String> {
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    let line = |line| serde_json::from_str::<Value>(line).unwrap();
    let mut statuses: Vec<_> =
        text.lines().map(|text| line(text)["status"].as_str().unwrap().to_owned()).collect();
    statuses.dedup();
    statuses
}

#[tokio::test]
async fn a_model_is_loaded_and_unloaded_without_a_word() {
    let script = Script::new();
    let server = start(&script, &[]);
    assert_eq!(names(&server, "/api/tags").await, ["model:latest"]);
    assert_eq!(names(&server, "/api/ps").await, [""; 0]);
    for (path, body, reason) in [
        ("/api/chat", json!({"model": "model", "messages": [], "keep_alive": "1h30m"}), "load"),
        ("/api/generate", json!({"model": "Model:latest", "prompt": ""}), "load"),
        ("/api/generate", json!({"model": "model", "prompt": "", "keep_alive": 0}), "unload"),
        ("/api/chat", json!({"model": "model", "keep_alive": -1}), "load"),
        ("/api/chat", json!({"model": "model", "keep_alive": "0s"}), "unload"),
    ] {
        let response = post(&server, path, body.clone()).await;
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
        let said: Value = response.json().await.unwrap();
        assert_eq!((&said["done"], &said["done_reason"]), (&json!(true), &json!(reason)), "{said}");
        assert_eq!(said["model"], body["model"]);
        let running = names(&server, "/api/ps").await;
        assert_eq!(running.len(), usize::from(reason == "load"), "{body}");
    }
}

#[tokio::test]
async fn a_model_is_described_and_an_unknown_one_is_not_found() {
    let script = Script::new();
    let server = start(&script, &[]);
    for key in ["model", "name"] {
        let shown: Value =
            post(&server, "/api/show", json!({key: "model"})).await.json().await.unwrap();
        let family = shown["model_info"]["general.architecture"].as_str().unwrap();
        assert!(shown["model_info"][format!("{family}.context_length")].is_u64(), "{shown}");
        assert_eq!(shown["capabilities"][0], "completion");
    }
    for (path, body) in [
        ("/api/show", json!({"model": "other:1b"})),
        ("/api/chat", json!({"model": "other:1b", "messages": [{"role": "user", "content": "x"}]})),
        ("/api/chat", json!({"model": "other:1b"})),
        ("/api/generate", json!({"model": "other:1b", "prompt": "x", "keep_alive": 0})),
        ("/api/embed", json!({"model": "other:1b", "input": "x"})),
        ("/api/embed", json!({"model": "other:1b", "input": []})),
        ("/api/copy", json!({"source": "other:1b", "destination": "x"})),
        ("/api/create", json!({"model": "x", "from": "other:1b"})),
    ] {
        let response = post(&server, path, body).await;
        assert_eq!(response.status(), 404, "{path}");
        let said: Value = response.json().await.unwrap();
        assert_eq!(said["error"], "model 'other:1b' not found", "{path}");
    }
    let think = json!({"model": "model", "prompt": "x", "think": true});
    let refused = post(&server, "/api/generate", think).await;
    assert_eq!(refused.status(), 400);
    let said: Value = refused.json().await.unwrap();
    assert_eq!(said["error"], "\"model\" does not support thinking");
}

#[tokio::test]
async fn models_are_copied_made_and_deleted() {
    let script = Script::new();
    let server = start(&script, &[]);
    let copied =
        post(&server, "/api/copy", json!({"source": "model", "destination": "copy"})).await;
    assert_eq!((copied.status().as_u16(), copied.text().await.unwrap()), (200, String::new()));
    let made = json!({
        "model": "me/pirate:v2", "from": "copy:latest", "system": "You are a pirate.",
        "parameters": {"temperature": 0.5, "num_ctx": 512, "num_predict": 2},
    });
    let made = statuses(post(&server, "/api/create", made).await).await;
    assert_eq!(made.last().unwrap(), "success");
    let all = ["copy:latest", "me/pirate-v2:latest", "model:latest"];
    assert_eq!(names(&server, "/api/tags").await, all);
    let shown: Value =
        post(&server, "/api/show", json!({"model": "me/pirate:v2"})).await.json().await.unwrap();
    assert_eq!(shown["system"], "You are a pirate.");
    let parameters = shown["parameters"].as_str().unwrap();
    assert!(parameters.contains("temperature                    0.5"), "{parameters}");
    let deleted = send(&server, Method::DELETE, "/api/delete", r#"{"name": "copy"}"#).await;
    assert_eq!(deleted.status(), 200);
    assert_eq!(names(&server, "/api/tags").await, all[1..]);
    let body = json!({"model": "me/pirate:v2", "prompt": "Hello", "stream": false});
    let answer: Value = post(&server, "/api/generate", body).await.json().await.unwrap();
    assert_eq!((&answer["eval_count"], &answer["done_reason"]), (&json!(2), &json!("length")));
    let deleted = send(&server, Method::DELETE, "/api/delete", r#"{"model": "copy"}"#).await;
    assert_eq!(deleted.status(), 404);
}

#[tokio::test]
async fn uploaded_files_become_a_model() {
    let script = Script::new();
    let server = start(&script, &[]);
    let content = std::fs::read(script.model()).unwrap();
    let digest = format!("sha256:{}", hexadecimal(&content));
    let path = format!("/api/blobs/{digest}");
    assert_eq!(send(&server, Method::HEAD, &path, "").await.status(), 404);
    let wrong = send(&server, Method::POST, &path, "other").await;
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("digest mismatch"));
    assert_eq!(send(&server, Method::POST, &path, content.clone()).await.status(), 201);
    assert_eq!(send(&server, Method::HEAD, &path, "").await.status(), 200);
    assert_eq!(send(&server, Method::POST, &path, content).await.status(), 200);
    let made = json!({"model": "mine", "files": {"mine.rkllm": digest}, "stream": false});
    let made: Value = post(&server, "/api/create", made).await.json().await.unwrap();
    assert_eq!(made["status"], "success");
    assert!(answers(&server, "mine").await);
}

#[tokio::test]
async fn a_model_comes_from_the_hub_once() {
    let script = Script::new();
    let content = std::fs::read(script.model()).unwrap();
    let hub = hub(content.clone());
    let server = start(&script, &[("HF_ENDPOINT", &hub)]);
    let name = "hf.co/me/tiny:w8a8";
    let pull = async || statuses(post(&server, "/api/pull", json!({"name": name})).await).await;
    let short = &hexadecimal(&content)[..12];
    let downloading = format!("pulling {short}");
    let first = pull().await;
    assert_eq!(first[first.len() - 4..][0], downloading);
    assert_eq!(first.last().unwrap(), "success");
    assert!(answers(&server, name).await, "it answers to the name that was pulled");
    assert!(!pull().await.contains(&downloading), "it is there");
    let again = post(&server, "/api/pull", json!({"model": name, "stream": false})).await;
    assert_eq!(again.status(), 200);
    assert_eq!(again.json::<Value>().await.unwrap(), json!({"status": "success"}));
    let whole = json!({"model": "hf.co/me/none", "stream": false});
    let refused = post(&server, "/api/pull", whole).await;
    assert_eq!(refused.status(), 500);
    let said: Value = refused.json().await.unwrap();
    let said = said["error"].as_str().unwrap();
    assert!(said.starts_with("pull model manifest: file does not exist"), "{said}");
    let models = script.model().parent().unwrap();
    assert!(Path::new(models).join("hf.co/me/tiny-w8a8/tiny-w8a8.rkllm").is_file());
}

fn hexadecimal(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hub with one model, on a thread of its own.
fn hub(content: Vec<u8>) -> String {
    let (sender, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let file = "/me/tiny/resolve/main/tiny-w8a8.rkllm";
                App::new()
                    .app_data(Data::new(content.clone()))
                    .route("/api/models/me/tiny", web::get().to(describe))
                    .route(file, web::head().to(send_file))
                    .route(file, web::get().to(send_file))
            });
            let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
            sender.send(format!("http://{}", server.addrs()[0])).unwrap();
            server.run().await.unwrap();
        });
    });
    address.recv().unwrap()
}

async fn describe() -> HttpResponse {
    HttpResponse::Ok().json(json!({"siblings": [{"rfilename": "tiny-w8a8.rkllm"}]}))
}

async fn send_file(content: Data<Vec<u8>>) -> HttpResponse {
    let tag = format!("\"{}\"", hexadecimal(&content));
    HttpResponse::Ok().insert_header(("etag", tag)).body(Bytes::copy_from_slice(&content))
}

/// A models directory with one model, which has a tokenizer, a template and tokens for gaps.
fn folder_of_one() -> TempDir {
    let script = Script::new();
    hermes::add_files(&script);
    let read = |name: &str| std::fs::read(script.dir().join(name)).unwrap();
    let mut tokenizer: Value = serde_json::from_slice(&read("tokenizer.json")).unwrap();
    let marks = tokenizer["added_tokens"].as_array_mut().unwrap();
    for (id, name) in (1000..).zip(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"]) {
        let mut mark = marks[0].clone();
        mark["id"] = id.into();
        mark["content"] = name.into();
        marks.push(mark);
    }
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    std::fs::create_dir(&folder).unwrap();
    for name in ["chat_template.jinja", "config.json"] {
        std::fs::write(folder.join(name), read(name)).unwrap();
    }
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    std::fs::write(folder.join("model.rkllm"), "# rkllm-fake\n").unwrap();
    root
}

#[tokio::test]
async fn what_a_model_can_do_is_known_before_it_is_loaded() {
    let folder = folder_of_one();
    let server = Server::scripted_folder(folder.path(), &[]);
    let shown: Value =
        post(&server, "/api/show", json!({"model": "model"})).await.json().await.unwrap();
    assert_eq!(shown["capabilities"], json!(["completion", "tools", "embedding"]));
    assert!(shown["template"].as_str().unwrap().contains("<tools>"));

    let tools = json!([{"type": "function", "function": {"name": "time", "parameters": {}}}]);
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let chat = json!({"model": "model", "messages": messages, "tools": tools, "stream": false});
    assert_eq!(post(&server, "/api/chat", chat).await.status(), 200);
    let listed: Value = send(&server, Method::GET, "/api/tags", "").await.json().await.unwrap();
    let loaded = json!(["completion", "tools", "insert", "embedding"]);
    assert_eq!(listed["models"][0]["capabilities"], loaded);
}

#[tokio::test]
async fn a_model_is_loaded_before_it_is_said_to_lack_something() {
    let folder = folder_of_one();
    let server = Server::scripted_folder(folder.path(), &[]);
    // Only the vocabulary of a model in memory tells that it can fill gaps.
    let gap = json!({
        "model": "model", "prompt": "a", "suffix": "b", "stream": false, "keep_alive": 0,
    });
    assert_eq!(post(&server, "/api/generate", gap).await.status(), 200);
    let think = json!({"model": "model", "prompt": "x", "think": true});
    let refused = post(&server, "/api/generate", think).await;
    assert_eq!(refused.status(), 400);
    let said: Value = refused.json().await.unwrap();
    assert_eq!(said["error"], "\"model\" does not support thinking");
}
