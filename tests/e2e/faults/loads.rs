//! Models that are told to load, to go or to come back while they are at something else.

use std::fs;
use std::os::unix::fs::symlink;

use futures_util::StreamExt;
use futures_util::future::join;
use rkllm_client::api::{LoadRequest, ModelState};
use rkllm_client::{Client, DeltaStream};
use rkllm_fake::{Script, library};
use rkllm_sys::Generation;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::models::{Folder, TWO};
use super::process::{child, children};
use super::{DEADLINE, ask, client, code, prompt, reply, rest, script, to};
use crate::server::Server;

/// Adds a model whose script can be changed while it is in use.
fn add(folder: &Folder, name: &str) -> Script {
    let script = script();
    symlink(script.model(), folder.path().join(name).with_extension("rkllm")).unwrap();
    script
}

/// Loads that were begun.
fn tries(script: &Script) -> usize {
    script.log().iter().filter(|line| line.starts_with("init version")).count()
}

async fn load(server: &Server, model: &str) -> Result<f64, (u16, String)> {
    let loaded = client(server).load(model, &LoadRequest::default()).await;
    loaded.map(|loaded| loaded.load_ms).map_err(|error| code(&error))
}

async fn state(client: &Client, model: &str) -> ModelState {
    client.model(model).await.unwrap().state
}

/// A stream of a model of the folder, of which the first token has come.
async fn begun(server: &Server, model: &str) -> DeltaStream {
    let mut stream = client(server).generate_stream(&to(model, "hi")).await.unwrap();
    assert!(!stream.next().await.unwrap().unwrap().content.is_empty());
    stream
}

#[tokio::test]
async fn a_model_that_counts_as_failed_is_tried_again_when_it_is_loaded() {
    let folder = Folder::new();
    let a = add(&folder, "a");
    let server = Server::scripted_folder(folder.path(), &[]);
    a.set("INIT_STATUS", -1);
    let failed = Err((503, "model_failed".to_owned()));
    assert_eq!(load(&server, "a").await, failed.clone());
    assert_eq!(load(&server, "a").await, failed.clone());
    assert_eq!(tries(&a), 2, "each was a try of its own");
    a.set("INIT_STATUS", 0);
    assert_eq!(ask(&server, &to("a", "hi")).await, failed.map(|_: f64| String::new()));
    assert_eq!(tries(&a), 2, "a request waits until the model may have recovered");
    assert!(load(&server, "a").await.is_ok());
    assert_eq!(ask(&server, &to("a", "hi")).await, Ok(reply("hi", 5)));
}

#[tokio::test]
async fn a_prompt_of_ollamas_that_is_empty_is_a_try_as_well() {
    let folder = Folder::new();
    let a = add(&folder, "a");
    a.set("INIT_STATUS", -1);
    let server = Server::scripted_folder(folder.path(), &[]);
    let load = async || {
        let request = reqwest::Client::new().post(format!("{}/api/generate", server.url()));
        request.json(&json!({"model": "a"})).send().await.unwrap().status()
    };
    assert_eq!(load().await, 503);
    a.set("INIT_STATUS", 0);
    assert_eq!(load().await, 200);
    assert_eq!(tries(&a), 2);
}

#[tokio::test]
async fn a_model_that_is_unloaded_while_it_loads_has_gone_when_that_is_said() {
    let folder = Folder::new();
    let a = add(&folder, "a");
    a.set("INIT_MS", 500);
    let server = Server::scripted_folder(folder.path(), &[]);
    let client = client(&server);
    let unload = async {
        while !matches!(state(&client, "a").await, ModelState::Loading { deadline: Some(_), .. }) {
            tokio::task::yield_now().await;
        }
        client.unload("a").await.unwrap()
    };
    let (loaded, unloaded) = join(load(&server, "a"), unload).await;
    assert_eq!(loaded, Err((503, "busy".into())));
    assert_eq!(unloaded.state, ModelState::Unloaded);
    assert_eq!(children(&server).len(), 0);
}

#[tokio::test]
async fn a_model_that_loads_says_when_it_is_given_up() {
    let folder = Folder::new();
    let a = add(&folder, "a");
    a.set("HANG_IN", "init");
    let server = Server::scripted_folder(folder.path(), &["--load-timeout", "100"]);
    let client = client(&server);
    let told = async {
        loop {
            if let ModelState::Loading { since, deadline: Some(deadline) } =
                state(&client, "a").await
            {
                return deadline - since;
            }
            tokio::task::yield_now().await;
        }
    };
    let loading = load(&server, "a");
    tokio::select! {
        // Times are told in floating point.
        seconds = told => assert!((99.9..100.1).contains(&seconds), "{seconds}"),
        loaded = loading => panic!("{loaded:?}"),
    }
}

#[tokio::test]
async fn who_unloads_a_model_that_is_leaving_waits_for_it_too() {
    let folder = Folder::new();
    let a = add(&folder, "a");
    // It takes its time to go.
    a.set("TOKENS", "forever").set("HANG_IN", "destroy");
    let server = Server::scripted_folder(folder.path(), &["--context-length", "16777216"]);
    let running = begun(&server, "a").await;
    let client = client(&server);
    let again = async {
        while state(&client, "a").await != ModelState::Unloaded {
            tokio::task::yield_now().await;
        }
        join(client.unload("a"), async { drop(running) }).await.0.unwrap();
        assert_eq!(children(&server).len(), 0);
    };
    join(client.unload("a"), again).await.0.unwrap();
}

#[tokio::test]
async fn a_model_that_is_leaving_ends_its_answer_with_the_server() {
    let folder = Folder::new();
    let a = add(&folder, "a");
    a.set("TOKENS", "forever");
    let server = Server::scripted_folder(folder.path(), &["--context-length", "16777216"]);
    let mut running = begun(&server, "a").await;
    let client = client(&server);
    let process = child(&server);
    let end = async {
        while state(&client, "a").await != ModelState::Unloaded {
            tokio::task::yield_now().await;
        }
        let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        rest(&mut running).await.1
    };
    let (_, end) = join(client.unload("a"), end).await;
    assert_eq!(code(&end.unwrap_err()).1, "shutting_down");
    assert_eq!(server.wait().0.code(), Some(0));
    process.ended();
}

/// Two models in all the room that there is, and one that has failed but would not any more.
pub(super) async fn full_house() -> (Folder, Server, [Script; 3]) {
    let folder = Folder::new();
    let scripts = ["a", "b", "c"].map(|name| add(&folder, name));
    scripts[0].set("INIT_STATUS", -1);
    let server = Server::scripted_folder(folder.path(), &TWO);
    assert_eq!(ask(&server, &to("a", "hi")).await, Err((503, "model_failed".into())));
    for name in ["b", "c", "b"] {
        assert_eq!(ask(&server, &to(name, "hi")).await, Ok(reply("hi", 5)), "{name}");
    }
    assert_eq!(scripts.each_ref().map(tries), [1, 1, 1], "what has failed takes no room");
    scripts[0].set("INIT_STATUS", 0);
    (folder, server, scripts)
}

#[tokio::test]
async fn a_model_that_is_loaded_after_it_failed_makes_room_first() {
    let (_folder, server, scripts) = full_house().await;
    assert!(load(&server, "a").await.is_ok());
    scripts[2].wait_for_log("destroy", DEADLINE);
    assert_eq!(children(&server).len(), 2);
}

#[tokio::test]
async fn a_model_of_its_own_stays_whatever_becomes_of_one_of_its_name() {
    let (folder, script) = (Folder::new(), script());
    let name = script.model().file_stem().unwrap().to_str().unwrap();
    let other = folder.path().join(name).with_extension("rkllm");
    fs::write(&other, "x").unwrap();
    let library = library(Generation::V1_3);
    let paths = [script.model(), folder.path(), &library].map(|path| path.to_str().unwrap());
    let flags = ["--model", paths[0], "--models-dir", paths[1], "--runtime", paths[2]];
    let server = Server::start_with(&flags, &[]);
    assert_eq!(ask(&server, &prompt("hi")).await, Ok(reply("hi", 5)));
    fs::remove_file(other).unwrap();
    assert_eq!(client(&server).rescan().await.unwrap().removed, [name]);
    assert_eq!(ask(&server, &prompt("hi")).await, Ok(reply("hi", 5)));
    assert_eq!(tries(&script), 1);
}

/// The tokens and the end of an answer to one that would go on for ever.
async fn endless(generation: Generation) -> (u32, &'static str) {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let library = library(generation);
    let paths = [script.model(), &library].map(|path| path.to_str().unwrap());
    let flags = ["--model", paths[0], "--runtime", paths[1], "--context-length", "64"];
    let server = Server::start_with(&flags, &[]);
    let answer = client(&server).generate(&prompt("hi")).await.unwrap();
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
    (answer.usage.completion_tokens, answer.finish_reason.as_str())
}

#[tokio::test]
async fn an_answer_without_end_ends_with_the_context() {
    for generation in [Generation::V1_1, Generation::V1_2_0, Generation::V1_2_1, Generation::V1_3] {
        assert_eq!(endless(generation).await, (64, "length"), "{generation:?}");
    }
}
