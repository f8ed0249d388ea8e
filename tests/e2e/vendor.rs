//! What is different on runtimes without tokenizer interface, as the vendor's are.

use rkllm_client::api::{ChatRequest, FinishReason, GenerateRequest, Message};
use rkllm_fake::Script;

use crate::server::Server;

async fn ignored(server: &Server, path: &str, body: &str) -> Option<String> {
    let url = format!("{}{path}", server.url());
    let response = reqwest::Client::new().post(url).body(body.to_owned()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers().get("x-rkllm-ignored").map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn roles_that_have_no_effect_are_listed() {
    let server = Server::scripted(&Script::new(), &[]);
    let generate = async |role| {
        ignored(&server, "/generate", &format!(r#"{{"prompt": "hi", "role": "{role}"}}"#)).await
    };
    assert_eq!(generate("user").await, None);
    assert_eq!(generate("tool").await, None);
    assert_eq!(generate("system").await.as_deref(), Some("role"));
    let turns = r#"[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]"#;
    let said = ignored(&server, "/chat", &format!(r#"{{"messages": {turns}}}"#)).await;
    assert_eq!(said.as_deref(), Some("messages[1].role"));
}

#[tokio::test]
async fn a_conversation_becomes_one_prompt() {
    let script = Script::new();
    script.set("TOKENS", 1).set("TEXT", "%p");
    let server = Server::scripted(&script, &[]);
    let messages = vec![Message::system("be brief"), Message::user("hi")];
    let request = ChatRequest { messages, ..ChatRequest::default() };
    let answer = server.client().chat(&request).await.unwrap();
    let text = &answer.choices[0].message.content;
    assert!(text.contains("System: be brief\n\nhi"), "{text}");
}

#[tokio::test]
async fn a_full_context_is_reported_as_length() {
    let script = Script::new();
    script.set("TOKENS", 60);
    let server = Server::scripted(&script, &["--context-length", "64"]);
    let ask = async |prompt: &str| {
        let request = GenerateRequest { prompt: prompt.into(), ..GenerateRequest::default() };
        server.client().generate(&request).await.unwrap()
    };
    let short = ask("hi").await;
    assert_eq!((short.usage.total_tokens, short.finish_reason), (61, FinishReason::Stop));
    let full = ask("what is the capital of France").await;
    assert_eq!((full.usage.total_tokens, full.finish_reason), (66, FinishReason::Length));
}
