//! Conversations that take turns go on where they were.

use rkllm_client::api::{ChatRequest, Message};

use crate::server::Server;

/// A conversation of some four hundred tokens.
fn conversation(topic: &str) -> Vec<Message> {
    let facts: String =
        (0..40).map(|n| format!("Fact {n} about {topic}: it is number {}. ", n * 7)).collect();
    vec![
        Message::system(format!("You know everything about {topic}. {facts}")),
        Message::user(format!("Tell me about {topic}.")),
    ]
}

/// Takes the next turn of a conversation; returns how many tokens of the prompt were not evaluated
/// again, and how many it has.
async fn turn(server: &Server, key: Option<&str>, messages: &mut Vec<Message>) -> (u32, u32) {
    let request = ChatRequest {
        messages: messages.clone(),
        max_new_tokens: Some(4),
        temperature: Some(0.0),
        ..ChatRequest::default()
    };
    let mut post = reqwest::Client::new().post(format!("{}/chat", server.url())).json(&request);
    if let Some(key) = key {
        post = post.bearer_auth(key);
    }
    let body: serde_json::Value = post.send().await.unwrap().json().await.unwrap();
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    messages.push(Message::assistant(text));
    messages.push(Message::user("Go on."));
    let count = |name: &str| u32::try_from(body["usage"][name].as_u64().unwrap()).unwrap();
    (count("cached_tokens"), count("prompt_tokens"))
}

#[tokio::test]
async fn two_conversations_that_take_turns_keep_their_states() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--prefix-cache-dir", folder.path().to_str().unwrap()];
    let server = Server::start(&flags, &[]);
    let mut talks = [conversation("cats"), conversation("boats")];
    let mut cached = Vec::new();
    for _ in 0..4 {
        for talk in &mut talks {
            cached.push(turn(&server, None, talk).await);
        }
    }
    // The first time that they come back, their states are gone; from then on they are kept.
    for (cached, prompt) in &cached[..4] {
        assert!(*cached < 100, "{cached} of {prompt}");
    }
    for (cached, prompt) in &cached[4..] {
        assert!(cached * 10 > prompt * 8, "{cached} of {prompt}");
    }
    drop(server);
}

#[tokio::test]
async fn what_one_key_asked_is_not_reused_for_another() {
    let server = Server::start(&["--api-key", "ann", "--api-key", "bob"], &[]);
    let (first, _) = turn(&server, Some("ann"), &mut conversation("cats")).await;
    let (same, prompt) = turn(&server, Some("ann"), &mut conversation("cats")).await;
    let (other, _) = turn(&server, Some("bob"), &mut conversation("cats")).await;
    assert_eq!((first, other), (0, 0));
    assert!(same * 10 > prompt * 8, "{same} of {prompt}");
}

#[tokio::test]
async fn without_disk_space_nothing_is_kept() {
    let server = Server::start(&["--prefix-cache", "0"], &[]);
    let mut talks = [conversation("cats"), conversation("boats")];
    let mut last = (0, 0);
    for _ in 0..3 {
        for talk in &mut talks {
            last = turn(&server, None, talk).await;
        }
    }
    assert!(last.0 < 100, "{last:?}");
}
