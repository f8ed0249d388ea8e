//! Several requests over one connection.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rkllm_client::api::GenerateRequest;
use rkllm_fake::Script;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::Server;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(server: &Server) -> Self {
        let url = format!("ws://{}/ws", server.address);
        Self(connect_async(url).await.unwrap().0)
    }

    async fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn ask(&mut self, id: u32) {
        self.send(&json!({"id": id, "type": "generate", "prompt": format!("p{id}")})).await;
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn requests_get_their_own_answers() {
    let script = Script::new();
    script.set("TOKENS", 3).set("TEXT", "%p|");
    let server = Server::scripted(&script, &[]);
    let mut socket = Socket::open(&server).await;
    for id in 1..=4 {
        socket.ask(id).await;
    }
    let chat = json!({"id": "five", "type": "chat", "mood": 1, "stream": false,
                      "messages": [{"role": "user", "content": "p5"}]});
    socket.send(&chat).await;
    let (mut texts, mut ignored) = (HashMap::<String, String>::new(), Value::Null);
    let mut over = 0;
    while over < 5 {
        let event = socket.next().await;
        match event["content"].as_str() {
            Some("[DONE]") => over += 1,
            Some(text) => texts.entry(event["id"].to_string()).or_default().push_str(text),
            None => ignored = event,
        }
    }
    assert_eq!(ignored, json!({"id": "five", "ignored": ["mood", "stream"]}));
    let told = |id: &str, prompt: &str| assert_eq!(texts[id], format!("{prompt}|").repeat(3));
    for id in 1..=4 {
        told(&id.to_string(), &format!("p{id}"));
    }
    told("\"five\"", "p5");
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn a_cancelled_request_says_no_more_and_makes_room() {
    let script = Script::new();
    script.set("TOKENS", "forever").set("TOKEN_US", 20_000);
    let server = Server::scripted(&script, &[]);
    let mut socket = Socket::open(&server).await;
    socket.ask(1).await;
    assert_eq!(socket.next().await["id"], 1);
    script.set("TOKENS", 2);
    socket.send(&json!({"id": 1, "type": "cancel"})).await;
    let mut said = socket.next().await;
    while said["cancelled"].is_null() {
        said = socket.next().await;
    }
    assert_eq!(said, json!({"id": 1, "cancelled": true}));
    // Its name is free again.
    socket.ask(1).await;
    let mut texts = Vec::new();
    loop {
        let event = socket.next().await;
        match event["content"].as_str().unwrap() {
            "[DONE]" => break,
            text => texts.push(text.to_owned()),
        }
    }
    assert_eq!(texts.concat(), " t0 t1");
    socket.send(&json!({"id": 1, "type": "cancel"})).await;
    assert_eq!(socket.next().await, json!({"id": 1, "cancelled": false}));
}

#[tokio::test]
async fn closing_the_connection_ends_its_requests() {
    let script = Script::new();
    script.set("TOKENS", "forever").set("TOKEN_US", 20_000);
    let server = Server::scripted(&script, &[]);
    let mut socket = Socket::open(&server).await;
    socket.ask(1).await;
    socket.ask(2).await;
    socket.next().await;
    script.set("TOKENS", 3);
    drop(socket);
    let request = GenerateRequest { prompt: "next".into(), ..GenerateRequest::default() };
    let next = server.client().generate(&request).await.unwrap();
    assert_eq!(next.usage.completion_tokens, 3);
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn faults_are_told_by_name_and_the_connection_lives_on() {
    let script = Script::new();
    script.set("TOKENS", "forever").set("TOKEN_US", 20_000);
    let server = Server::scripted(&script, &[]);
    let mut socket = Socket::open(&server).await;
    socket.0.send(Message::text("{")).await.unwrap();
    let broken = socket.next().await;
    assert_eq!((&broken["id"], &broken["code"]), (&Value::Null, &json!("invalid_request")));
    socket.0.send(Message::binary(vec![1])).await.unwrap();
    assert!(socket.next().await["error"].as_str().unwrap().contains("binary"));
    socket.send(&json!({"id": 7, "type": "generate", "prompt": "hi", "top_k": -1})).await;
    let refused = socket.next().await;
    assert_eq!((&refused["id"], &refused["code"]), (&json!(7), &json!("invalid_request")));
    for id in 1..=9 {
        socket.ask(id).await;
    }
    socket.ask(1).await;
    let (mut full, mut twice) = (false, false);
    while !full || !twice {
        let event = socket.next().await;
        full |= event["id"] == 9 && event["code"] == "busy";
        let error = event["error"].as_str().unwrap_or_default();
        twice |= event["id"].is_null() && error.starts_with("a request with id 1 is under way");
    }
}

#[tokio::test]
async fn only_own_pages_and_websockets_are_let_in() {
    let server = Server::scripted(&Script::new(), &[]);
    let open = async |origin: &str| {
        let mut request =
            format!("ws://{}/ws", server.address).as_str().into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match connect_async(request).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(open("https://evil.example").await, 403);
    assert_eq!(open(&server.url()).await, 101);
    assert_eq!(open("http://localhost:3000").await, 101);
    let plain = reqwest::get(format!("{}/ws", server.url())).await.unwrap();
    assert_eq!(plain.status(), 400);
    let error: Value = plain.json().await.unwrap();
    assert!(error["error"].as_str().unwrap().starts_with("/ws is a WebSocket"), "{error}");
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let server = Server::scripted(&Script::new(), &[]);
    let mut socket = Socket::open(&server).await;
    server.signal(Signal::TERM);
    let last = tokio::time::timeout(DEADLINE, socket.0.next()).await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = last else { panic!("{last:?}") };
    assert_eq!(u16::from(frame.code), 1001);
    assert_eq!(frame.reason.as_str(), "the server is shutting down");
    drop(socket);
    assert!(server.wait().0.success());
}
