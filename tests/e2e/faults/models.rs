//! Models and libraries that come, change and go, and the memory that models share.

use std::fs;
use std::path::{Path, PathBuf};

use rkllm_fake::{Script, library};
use rkllm_sys::Generation;
use tempfile::TempDir;

use super::process::{child, children, descriptors};
use super::{DEADLINE, ask, prompt, reply, script, to, works};
use crate::server::Server;

/// A folder of models; each has a script with a log of its own.
pub(super) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds a model, with settings if they are not empty.
    pub(super) fn add(&self, name: &str, settings: &str) -> Script {
        let script = script();
        let folder = self.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        // A file that appears at once is never found half written.
        fs::copy(script.model(), folder.join("new")).unwrap();
        if !settings.is_empty() {
            fs::write(folder.join("model.toml"), settings).unwrap();
        }
        fs::rename(folder.join("new"), folder.join("model.rkllm")).unwrap();
        script
    }
}

/// Room for two models: each counts as its file and 64 MiB.
pub(super) const TWO: [&str; 2] = ["--memory-budget", "140"];

fn loads(script: &Script) -> usize {
    script.log().iter().filter(|line| line.starts_with("init ")).count()
}

#[tokio::test]
async fn the_model_used_least_lately_makes_room() {
    let folder = Folder::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.add(name, ""));
    let server = Server::scripted_folder(folder.path(), &TWO);
    assert_eq!(children(&server).len(), 0, "nothing is loaded before it is used");
    for name in ["a", "b", "a", "c"] {
        assert_eq!(ask(&server, &to(name, "hi")).await, Ok(reply("hi", 5)), "{name}");
    }
    b.wait_for_log("destroy", DEADLINE);
    assert_eq!([&a, &b, &c].map(loads), [1, 1, 1]);
    assert_eq!(children(&server).len(), 2);
    assert_eq!(ask(&server, &to("b", "hi")).await, Ok(reply("hi", 5)));
    a.wait_for_log("destroy", DEADLINE);
    assert_eq!([&a, &b, &c].map(loads), [1, 2, 1]);
}

#[tokio::test]
async fn pinned_models_are_there_from_the_start_and_stay() {
    let folder = Folder::new();
    let pinned = folder.add("pinned", "pinned = true");
    let [a, b] = ["a", "b"].map(|name| folder.add(name, ""));
    let server = Server::scripted_folder(folder.path(), &TWO);
    pinned.wait_for_log("init ", DEADLINE);
    for name in ["a", "b", "a", "pinned"] {
        assert_eq!(ask(&server, &to(name, "hi")).await, Ok(reply("hi", 5)), "{name}");
    }
    assert_eq!([&pinned, &a, &b].map(loads), [1, 2, 1]);
}

#[tokio::test]
async fn two_pinned_models_leave_no_room_for_a_third() {
    let folder = Folder::new();
    let pinned = ["one", "two"].map(|name| folder.add(name, "pinned = true"));
    folder.add("a", "");
    let server = Server::scripted_folder(folder.path(), &TWO);
    pinned.iter().for_each(|pinned| drop(pinned.wait_for_log("init ", DEADLINE)));
    assert_eq!(ask(&server, &to("a", "hi")).await, Err((503, "model_failed".into())));
}

#[tokio::test]
async fn keep_alive_is_each_models_own() {
    let folder = Folder::new();
    let (brief, lasting) =
        (folder.add("brief", "keep_alive = 0"), folder.add("lasting", "keep_alive = -1"));
    let server = Server::scripted_folder(folder.path(), &["--keep-alive", "0"]);
    for name in ["lasting", "brief"] {
        assert_eq!(ask(&server, &to(name, "hi")).await, Ok(reply("hi", 5)), "{name}");
    }
    brief.wait_for_log("destroy", DEADLINE);
    assert_eq!(ask(&server, &to("lasting", "hi")).await, Ok(reply("hi", 5)));
    assert_eq!(loads(&lasting), 1);
    assert_eq!(ask(&server, &to("brief", "hi")).await, Ok(reply("hi", 5)));
    assert_eq!(loads(&brief), 2);
}

#[tokio::test]
async fn a_model_stays_while_it_loads_and_answers_whatever_its_keep_alive() {
    let folder = Folder::new();
    let slow = script();
    slow.set("INIT_MS", 1200).set("PREFILL_MS", 1200);
    fs::copy(slow.model(), folder.path().join("slow.rkllm")).unwrap();
    let server = Server::scripted_folder(folder.path(), &["--keep-alive", "0"]);
    assert_eq!(ask(&server, &to("slow", "hi")).await, Ok(reply("hi", 5)));
    assert_eq!(loads(&slow), 1);
    slow.wait_for_log("destroy", DEADLINE);
}

#[tokio::test]
async fn models_that_come_later_are_found_and_those_that_change_are_loaded_anew() {
    let folder = Folder::new();
    let old = folder.add("a", "");
    let server = Server::scripted_folder(folder.path(), &[]);
    assert_eq!(ask(&server, &to("a", "hi")).await, Ok(reply("hi", 5)));
    let new = folder.add("a", "");
    folder.add("b", "");
    assert_eq!(ask(&server, &to("b", "hi")).await, Ok(reply("hi", 5)));
    old.wait_for_log("destroy", DEADLINE);
    assert_eq!(ask(&server, &to("a", "hi")).await, Ok(reply("hi", 5)));
    assert_eq!([&old, &new].map(loads), [1, 1]);
    fs::remove_dir_all(folder.path().join("a")).unwrap();
    assert_eq!(ask(&server, &to("c", "hi")).await, Err((404, "model_not_found".into())));
    new.wait_for_log("destroy", DEADLINE);
    assert_eq!(ask(&server, &to("a", "hi")).await, Err((404, "model_not_found".into())));
}

#[tokio::test]
async fn a_model_file_that_is_gone_is_missed_only_when_it_must_be_loaded() {
    let script = script();
    let server = Server::scripted(&script, &[]);
    works(&server).await;
    fs::remove_file(script.model()).unwrap();
    assert!(ask(&server, &prompt("hi")).await.is_ok());
    let before = child(&server);
    before.kill();
    before.ended();
    // The second one comes while the process that failed is still ending.
    for _ in 0..2 {
        assert_eq!(ask(&server, &prompt("hi")).await, Err((503, "model_failed".into())));
    }
}

/// A server whose library is a file of the test's own.
fn with_library(script: &Script) -> (Server, PathBuf) {
    let path = script.dir().join("librkllmrt.so");
    fs::copy(library(Generation::V1_3), &path).unwrap();
    let flags = ["--model", script.model().to_str().unwrap(), "--runtime", path.to_str().unwrap()];
    (Server::start_with(&flags, &[]), path)
}

/// Puts another file in the place of the library, which may be in use.
fn replace(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn a_library_that_is_replaced_is_used_by_the_next_process() {
    let script = script();
    let (server, path) = with_library(&script);
    works(&server).await;
    replace(&path, &fs::read(library(Generation::V1_2_1)).unwrap());
    works(&server).await;
    let before = child(&server);
    before.kill();
    before.ended();
    works(&server).await;
    assert_eq!(loads(&script), 2);
}

#[tokio::test]
async fn a_library_that_is_spoilt_is_named_in_the_error() {
    let script = script();
    let (server, path) = with_library(&script);
    replace(&path, b"not a library");
    works(&server).await;
    let before = child(&server);
    before.kill();
    before.ended();
    let url = format!("{}/generate", server.url());
    let failed = reqwest::Client::new().post(url).json(&prompt("hi")).send().await.unwrap();
    assert_eq!(failed.status(), 503);
    assert!(failed.headers().contains_key("retry-after"));
    let said = failed.text().await.unwrap();
    assert!(said.contains(path.to_str().unwrap()), "{said}");
}

/// Loads and unloads models so many times, then asserts that nothing is left over.
pub(super) async fn cycles(count: usize) {
    let folder = Folder::new();
    let scripts = ["a", "b"].map(|name| folder.add(name, ""));
    let server = Server::scripted_folder(folder.path(), &["--memory-budget", "100"]);
    let ask = async |number: usize| {
        let request = to(["a", "b"][number % 2], "hi");
        assert_eq!(ask(&server, &request).await, Ok(reply("hi", 5)), "cycle {number}");
    };
    ask(0).await;
    let before = descriptors(server.pid()).len();
    for number in 1..=count {
        ask(number).await;
    }
    child(&server);
    let end = std::time::Instant::now() + DEADLINE;
    while descriptors(server.pid()).len() > before {
        assert!(std::time::Instant::now() < end, "{before} descriptors before, now more");
        std::thread::yield_now();
    }
    assert_eq!(scripts.iter().map(loads).sum::<usize>(), count + 1);
    scripts.iter().for_each(|script| assert!(script.misuse().is_empty(), "{:?}", script.misuse()));
}

#[tokio::test]
async fn fifteen_cycles_leave_nothing_behind() {
    cycles(15).await;
}
