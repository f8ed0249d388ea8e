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
    for command in ["test", "chat", "models", "load", "unload", "status"] {
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
    for command in ["test", "chat", "models", "status"] {
        let output = run(&[command, "--url", "board:5000"], "Hello\n");
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(error.starts_with("rkllm-client: cannot use `board:5000`"), "{error}");
    }
}

#[test]
fn a_server_that_does_not_run_is_named() {
    for command in ["test", "chat", "models", "status"] {
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
fn a_key_is_shown_neither_in_errors_nor_in_the_help() {
    let run = |args: &[&str]| {
        let program = env!("CARGO_BIN_EXE_rkllm-client");
        Command::new(program).args(args).env("RKLLM_API_KEY", "secret\n").output().unwrap()
    };
    let output = run(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the API key has characters"), "{output:?}");
    let help = run(&["status", "--help"]);
    assert!(help.status.success());
    assert!(!text(&[output.stderr, help.stdout].concat()).contains("secret"));
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
    for limit in ["0", "-1"] {
        let output = run(&["test", "--max-new-tokens", limit], "");
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("is not in 1.."), "{}", text(&output.stderr));
    }
    let (url, _reserved) = unused_url();
    let output = run(&["chat", "--url", &url, "--temperature", "NaN"], "Hello\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("give a finite one"), "{}", text(&output.stderr));
}

/// Answers every request with the same health object: enough for a program that gets past its first line.
fn healthy_server() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let body = r#"{"status": "healthy", "model_loaded": true, "timestamp": 1}"#;
            let length = body.len();
            // What was asked is read so that closing does not reset the connection.
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length";
            let _ = write!(stream, "{head}: {length}\r\n\r\n{body}");
        }
    });
    url
}

#[test]
fn a_reader_that_left_ends_it_quietly() {
    let url = healthy_server();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_rkllm-client"))
        .args(["test", "--url", &url])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(141));
}

#[test]
fn an_empty_address_in_the_environment_is_none() {
    let output = Command::new(env!("CARGO_BIN_EXE_rkllm-client"))
        .args(["test", "--help"])
        .env("RKLLM_URL", "")
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("[default: http://127.0.0.1:5000]"));
}
