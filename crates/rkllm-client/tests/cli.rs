//! The program's behaviour where no server answers.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests fail like the tests")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use tokio::net::TcpSocket;

fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rkllm-client"))
        .args(args)
        .env_remove("RKLLM_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has failed already does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// An address at which nothing listens, and what keeps others from listening there.
fn unused_url() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

#[test]
fn help_names_commands_and_options() {
    let help = run(&["--help"], "");
    assert!(help.status.success());
    for command in ["test", "chat"] {
        assert!(text(&help.stdout).contains(&format!("\n  {command} ")), "{command}");
    }
    let help = run(&["chat", "--help"], "");
    for option in
        ["--url", "RKLLM_URL", "--system", "--temperature", "--max-new-tokens", "--no-thinking"]
    {
        assert!(text(&help.stdout).contains(option), "{option}");
    }
}

#[test]
fn an_unusable_address_is_a_usage_error() {
    for command in ["test", "chat"] {
        let output = run(&[command, "--url", "board:5000"], "Hello\n");
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(error.starts_with("rkllm-client: cannot use `board:5000`"), "{error}");
    }
}

#[test]
fn a_server_that_does_not_run_is_named() {
    for command in ["test", "chat"] {
        let (url, _reserved) = unused_url();
        let output = run(&[command, "--url", &url], "Hello\n");
        assert_eq!(output.status.code(), Some(1));
        let error = text(&output.stderr);
        assert!(error.contains(&format!("cannot connect to {url}/")), "{error}");
        assert!(error.contains("is the server running?"), "{error}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_conversation_without_questions_needs_no_server() {
    let (url, _reserved) = unused_url();
    let output = run(&["chat", "--url", &url], "\n/reset\n/quit\nHello\n");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let output = run(&["test", "--max-new-tokens", "0"], "");
    assert_eq!(output.status.code(), Some(2));
    let (url, _reserved) = unused_url();
    let output = run(&["chat", "--url", &url, "--temperature", "NaN"], "Hello\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("give a finite one"), "{}", text(&output.stderr));
}
