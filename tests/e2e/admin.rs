//! Models are listed, loaded and unloaded through the admin API.

use std::fs;
use std::os::unix::fs::symlink;

use rkllm_client::api::{Health, KeepAlive, LoadRequest, ModelState, Template, Tokenizer};
use rkllm_client::{Client, Error};
use rkllm_fake::{Script, library};
use rkllm_sys::Generation;
use tempfile::TempDir;

use crate::server::Server;

/// A server with two models in a folder, neither of them loaded.
fn two_models(script: &Script) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("org/two")).unwrap();
    for name in ["one.rkllm", "org/two/model.rkllm"] {
        symlink(script.model(), folder.path().join(name)).unwrap();
    }
    let runtime = library(Generation::V1_3);
    let flags = ["--models-dir", folder.path().to_str().unwrap(), "--runtime"];
    let server = Server::start_with(&[&flags[..], &[runtime.to_str().unwrap()]].concat(), &[]);
    (folder, server)
}

async fn states(client: &Client) -> Vec<(String, &'static str)> {
    let models = client.models().await.unwrap().models;
    models.into_iter().map(|model| (model.name, model.state.as_str())).collect()
}

#[tokio::test]
async fn a_model_is_loaded_and_unloaded_by_name() {
    let script = Script::new();
    let (_folder, server) = two_models(&script);
    let client = server.client();
    let named = |one, two| vec![("one".to_owned(), one), ("org/two".to_owned(), two)];
    assert_eq!(states(&client).await, named("unloaded", "unloaded"));

    let forever = LoadRequest { keep_alive: Some(KeepAlive::Seconds(-1.0)) };
    let loaded = client.load("org/two", &forever).await.unwrap();
    assert_eq!(loaded.model.name, "org/two");
    let ModelState::Ready { expires, memory_bytes, .. } = loaded.model.state else {
        panic!("{loaded:?}")
    };
    assert_eq!(expires, None);
    // Nobody knows the tokenizer of a scripted model.
    let limits = loaded.model.limits.unwrap();
    assert_eq!((limits.tokenizer, limits.template), (Tokenizer::Unknown, Template::Runtime));
    assert!(limits.sampling && limits.embeddings && !limits.constraints && !limits.seed);
    assert_eq!(limits.refused, ["tools", "suffix", "tokens", "documents", "grammar", "logprobs"]);
    assert_eq!(client.models().await.unwrap().models[0].limits, None);
    assert!(memory_bytes > 0 && loaded.load_ms > 0.0);
    assert_eq!(states(&client).await, named("unloaded", "ready"));

    let status = client.status().await.unwrap();
    assert_eq!((status.models, status.loaded, status.ready), (2, 1, true));
    assert_eq!((status.running, status.waiting), (0, 0));
    assert!(status.memory_bytes > 0 && status.uptime_seconds > 0.0);

    let unloaded = client.unload("org/two").await.unwrap();
    assert_eq!(unloaded.state, ModelState::Unloaded);
    assert_eq!(states(&client).await, named("unloaded", "unloaded"));
}

#[tokio::test]
async fn a_rescan_says_what_has_changed() {
    let script = Script::new();
    let (folder, server) = two_models(&script);
    let client = server.client();
    fs::remove_file(folder.path().join("one.rkllm")).unwrap();
    symlink(script.model(), folder.path().join("three.rkllm")).unwrap();
    let rescanned = client.rescan().await.unwrap();
    assert_eq!(rescanned.added, ["three"]);
    assert_eq!(rescanned.removed, ["one"]);
    assert!(rescanned.changed.is_empty() && rescanned.broken.is_empty());
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let script = Script::new();
    let (_folder, server) = two_models(&script);
    let client = server.client();
    let refused = |error: Error| match error {
        Error::Api { status, body, .. } => format!("{status} {body}"),
        other => panic!("{other:?}"),
    };
    let unknown = client.model("three").await.unwrap_err();
    assert!(refused(unknown).starts_with("404 "));
    let never = LoadRequest { keep_alive: Some(KeepAlive::Text("soon".into())) };
    let never = refused(client.load("one", &never).await.unwrap_err());
    assert!(never.starts_with("400 keep_alive is \"soon\""), "{never}");
    let url = format!("{}/admin/modles", server.url());
    let lost: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let error = lost["error"].as_str().unwrap();
    assert!(error.contains("GET /admin/models"), "{error}");
}

#[tokio::test]
async fn a_server_is_not_healthy_once_its_model_cannot_run() {
    let script = Script::new();
    let server = Server::scripted(&script, &[]);
    let options = rkllm_client::Options { retries: 0, ..Default::default() };
    let client = Client::with_options(&server.url(), &options).unwrap();
    assert_eq!(client.health().await.unwrap().status, Health::HEALTHY);
    let model = client.models().await.unwrap().models.remove(0).name;
    client.unload(&model).await.unwrap();
    script.set("INIT_STATUS", -1);
    let failed = client.load(&model, &LoadRequest::default()).await.unwrap_err();
    assert!(matches!(failed, Error::Api { status: 503, .. }), "{failed:?}");
    let health = client.health().await.unwrap();
    assert_eq!((health.status.as_str(), health.model_loaded), (Health::UNHEALTHY, false));
    let reason = health.reason.unwrap();
    assert!(reason.starts_with("the model has failed: "), "{reason}");
    let ready = reqwest::get(format!("{}/readyz", server.url())).await.unwrap();
    assert_eq!(ready.status(), 503);
    let alive = reqwest::get(format!("{}/livez", server.url())).await.unwrap();
    assert_eq!(alive.status(), 200);
}
