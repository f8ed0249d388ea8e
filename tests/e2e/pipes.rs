//! Outputs that nobody reads.

use rkllm_client::api::GenerateRequest;
use rkllm_fake::Script;
use rustix::process::Signal;

use crate::server::Server;

async fn answers(server: Server) {
    let request = GenerateRequest { prompt: "hello".into(), ..GenerateRequest::default() };
    for _ in 0..2 {
        let answer = server.client().generate(&request).await.unwrap();
        assert_eq!(answer.usage.completion_tokens, 3);
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(0));
}

#[tokio::test]
async fn a_closed_stderr_does_not_matter() {
    let script = Script::new();
    script.set("TOKENS", 3);
    answers(Server::scripted_without_stderr(&script)).await;
}

#[tokio::test]
async fn a_closed_stdout_does_not_matter() {
    let script = Script::new();
    script.set("TOKENS", 3);
    answers(Server::scripted_without_stdout(&script, &[])).await;
}
