//! What all dialects have in common, through the built server.

use reqwest::{RequestBuilder, Response};
use rkllm_fake::Script;
use rustix::process::Signal;
use serde_json::Value;

use crate::server::Server;

const HELLO: &str = r#"{"prompt": "Hello"}"#;
const STREAM: &str = r#"{"prompt": "Hello", "stream": true}"#;

fn post(server: &Server, body: impl Into<reqwest::Body>) -> RequestBuilder {
    reqwest::Client::new().post(format!("{}/generate", server.url())).body(body)
}

async fn get(server: &Server, path: &str) -> Response {
    reqwest::get(format!("{}{path}", server.url())).await.unwrap()
}

#[tokio::test]
async fn long_answers_are_compressed_and_streams_are_not() {
    let script = Script::new();
    script.set("TOKENS", 500);
    let server = Server::scripted(&script, &[]);
    let whole = post(&server, HELLO).header("accept-encoding", "gzip, deflate").send().await;
    let whole = whole.unwrap();
    assert_eq!(whole.headers()["content-encoding"], "gzip");
    assert!(whole.bytes().await.unwrap().starts_with(b"\x1f\x8b"), "the mark of gzip");
    let stream = post(&server, STREAM).header("accept-encoding", "gzip").send().await.unwrap();
    assert!(!stream.headers().contains_key("content-encoding"));
    assert!(stream.text().await.unwrap().ends_with("data: {\"content\":\"[DONE]\"}\n\n"));
}

#[tokio::test]
async fn compressed_bodies_are_read() {
    let server = Server::scripted(&Script::new(), &[]);
    // HELLO as zstd's raw block without checksum.
    let length = u8::try_from(HELLO.len()).unwrap();
    let mut packed = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, length, length << 3 | 1, 0, 0];
    packed.extend_from_slice(HELLO.as_bytes());
    let answer = post(&server, packed).header("content-encoding", "zstd").send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn requests_are_named_in_answers_and_log_lines_and_their_content_in_none() {
    let server = Server::scripted(&Script::new(), &[]);
    let answer = post(&server, r#"{"prompt": "secret words"}"#).header("x-request-id", "mine-17");
    let answer = answer.bearer_auth("hush").send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "mine-17");
    let query = get(&server, "/nowhere?key=hush").await;
    assert_eq!(query.status(), 404);
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let line = log.lines().find(|line| line.contains("/generate")).expect("a line per request");
    for part in ["mine-17", "POST", "200"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(log.contains("/nowhere"), "{log}");
    assert!(!log.contains("secret") && !log.contains("hush"), "{log}");
}

#[tokio::test]
async fn other_names_and_other_pages_are_refused() {
    let server = Server::scripted(&Script::new(), &[]);
    let code = async |name: &str, value: &str| {
        let answer = post(&server, HELLO).header(name, value).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap()["code"].clone())
    };
    assert_eq!(code("host", "evil.example:5000").await, (403, "forbidden".into()));
    assert_eq!(code("origin", "https://evil.example").await, (403, "forbidden".into()));
    assert_eq!(code("host", "localhost").await.0, 200);
    assert_eq!(code("origin", "http://localhost:8080").await.0, 200);
}

#[tokio::test]
async fn the_server_tells_how_it_is() {
    let server = Server::scripted(&Script::new(), &[]);
    for (path, status) in [("/livez", "live"), ("/readyz", "ready")] {
        let answer = get(&server, path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], status);
    }
    post(&server, HELLO).send().await.unwrap().bytes().await.unwrap();
    get(&server, "/nowhere").await.bytes().await.unwrap();
    let metrics = get(&server, "/metrics").await;
    assert_eq!(metrics.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = metrics.text().await.unwrap();
    for line in [
        r#"rkllm_http_requests_total{dialect="native",method="POST",route="/generate",status="200"} 1"#,
        r#"rkllm_http_requests_total{dialect="native",method="GET",route="other",status="404"} 1"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
    let states: Vec<_> =
        text.lines().filter(|line| line.starts_with("rkllm_model_state{")).collect();
    assert!(matches!(states[..], [one] if one.ends_with("state=\"ready\"} 1")), "{states:?}");
}
