//! Conversations that take turns go on where they were.

use rkllm_client::api::{ChatRequest, Message};
use rkllm_fake::Script;

use crate::hermes;
use crate::server::Server;

/// A conversation that begins with so many facts of a dozen tokens.
fn conversation(topic: &str, facts: u32) -> Vec<Message> {
    let facts: String =
        (0..facts).map(|n| format!("Fact {n} about {topic}: it is number {}. ", n * 7)).collect();
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
    let mut talks = [conversation("cats", 40), conversation("boats", 40)];
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

/// As on a disk that is full: runtimes fail a run whose state they cannot write, after the answer.
#[tokio::test]
async fn an_answer_whose_state_was_not_written_is_complete() {
    let script = Script::new();
    script.set("TOKENS", 4);
    hermes::add_files(&script);
    let server = Server::scripted(&script, &["--context-length", "16384"]);
    let mut talks = [conversation("cats", 8), conversation("boats", 8)];
    for talk in &mut talks {
        turn(&server, None, talk).await;
    }
    // When they come back their states would be saved.
    script.set("RUN_STATUS", -1);
    turn(&server, None, &mut talks[0]).await;
    script.unset("RUN_STATUS");
    for talk in &mut talks {
        turn(&server, None, talk).await;
    }
    let log = script.log();
    assert!(!log.iter().any(|line| line.contains("load_prompt_cache")), "{log:?}");
    let saved = log.iter().filter(|line| line.contains("save_prompt_cache")).count();
    assert_eq!(saved, 1, "{log:?}");
}

#[tokio::test]
async fn what_one_key_asked_is_not_reused_for_another() {
    let server = Server::start(&["--api-key", "ann", "--api-key", "bob"], &[]);
    let (first, _) = turn(&server, Some("ann"), &mut conversation("cats", 40)).await;
    let (same, prompt) = turn(&server, Some("ann"), &mut conversation("cats", 40)).await;
    let (other, _) = turn(&server, Some("bob"), &mut conversation("cats", 40)).await;
    assert_eq!((first, other), (0, 0));
    assert!(same * 10 > prompt * 8, "{same} of {prompt}");
}

#[tokio::test]
async fn without_disk_space_nothing_is_kept() {
    let server = Server::start(&["--prefix-cache", "0"], &[]);
    let mut talks = [conversation("cats", 40), conversation("boats", 40)];
    let mut last = (0, 0);
    for _ in 0..3 {
        for talk in &mut talks {
            last = turn(&server, None, talk).await;
        }
    }
    assert!(last.0 < 100, "{last:?}");
}
