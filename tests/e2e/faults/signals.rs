//! The end of the server, and what its child sees of it.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::process::Signal;

use super::process::{child, children, descriptors};
use super::{DEADLINE, begun, code, open, reply, rest, script};
use crate::grace::within_grace;
use crate::server::Server;

#[tokio::test]
async fn a_signal_to_the_whole_group_lets_answers_finish() {
    for signal in [Signal::INT, Signal::TERM] {
        within_grace(async || {
            let script = script();
            script.set("TOKENS", 200);
            let server = Server::scripted(&script, &[]);
            let mut stream = open(&server, "hi").await;
            script.wait_for_log("run start", DEADLINE);
            let child = child(&server);
            let told = Instant::now();
            child.signal(signal);
            server.signal(signal);
            let (text, end) = rest(&mut stream).await;
            let (status, stderr) = server.wait();
            assert_eq!(status.code(), Some(0), "{stderr}");
            child.ended();
            let whole = end.is_ok() && text == reply("hi", 200);
            whole.then_some(()).ok_or_else(|| (format!("{signal:?}: {text:?}, {end:?}"), told))
        })
        .await;
    }
}

#[tokio::test]
async fn streams_are_cut_at_the_deadline_and_who_waits_is_told() {
    let script = script();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &[]);
    let mut running = begun(&server, "running").await;
    let mut waiting = open(&server, "waiting").await;
    let child = child(&server);
    server.signal(Signal::TERM);
    for stream in [&mut running, &mut waiting] {
        assert_eq!(code(&rest(stream).await.1.unwrap_err()).1, "shutting_down");
    }
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
    child.ended();
}

#[tokio::test]
async fn a_hang_cannot_keep_the_server_from_ending() {
    for place in ["decode", "destroy"] {
        let script = script();
        script.set("HANG_IN", place);
        let server = Server::scripted(&script, &[]);
        let mut stream = open(&server, "hi").await;
        if place == "decode" {
            script.wait_for_log("hang in=decode", DEADLINE);
        } else {
            assert!(rest(&mut stream).await.1.is_ok());
        }
        let child = child(&server);
        server.signal(Signal::INT);
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), Some(0), "{place}: {stderr}");
        child.ended();
    }
}

#[tokio::test]
async fn a_second_signal_takes_the_child_along() {
    within_grace(async || {
        let script = script();
        script.set("TOKENS", "forever");
        let server = Server::scripted(&script, &[]);
        let _running = begun(&server, "hi").await;
        let child = child(&server);
        let ended = server.signal_twice(Signal::INT);
        child.ended();
        ended
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_killed_takes_its_child_along() {
    for hang in ["none", "decode"] {
        let script = script();
        script.set("TOKENS", "forever").set("HANG_IN", hang);
        let server = Server::scripted(&script, &[]);
        let _running = open(&server, "hi").await;
        script.wait_for_log(if hang == "none" { "run start" } else { "hang in" }, DEADLINE);
        let child = child(&server);
        server.signal(Signal::KILL);
        child.ended();
    }
}

#[tokio::test]
async fn a_child_has_no_connection_but_the_one_to_its_server() {
    let script = script();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &[]);
    let _running = begun(&server, "hi").await;
    let child = child(&server);
    let connections = fs::read_to_string(format!("/proc/{}/net/tcp", server.pid())).unwrap();
    let number = |path: &Path| {
        let name = path.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(name.to_owned())
    };
    let is_tcp = |inode: &String| connections.lines().any(|line| line.contains(&**inode));
    let sockets = |pid| descriptors(pid).iter().filter_map(|path| number(path)).collect::<Vec<_>>();
    assert!(sockets(server.pid()).iter().any(is_tcp), "the server does listen");
    let inherited = sockets(child.pid);
    assert!(!inherited.is_empty() && !inherited.iter().any(is_tcp), "{inherited:?}");
    assert_eq!(children(&server).len(), 1);
}
