//! A server that is stopped for a while, as by Ctrl-Z, while its models go on.

use rustix::process::{Pid, Signal, kill_process};

use super::{DEADLINE, begun, rest, script, works};
use crate::server::Server;

#[tokio::test]
async fn what_came_meanwhile_is_heard_before_anything_counts_as_late() {
    let script = script();
    script.set("TOKENS", 16).set("TOKEN_US", 100_000);
    let server = Server::scripted(&script, &["--token-timeout", "1"]);
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    let mut stream = begun(&server, "hi").await;
    kill_process(pid, Signal::STOP).unwrap();
    script.wait_for_log("run end", DEADLINE);
    kill_process(pid, Signal::CONT).unwrap();
    let (text, end) = rest(&mut stream).await;
    assert!(end.is_ok(), "{text}: {end:?}");
    assert!(text.ends_with("hi.15 "), "{text}");
    script.set("TOKENS", 5);
    works(&server).await;
}
