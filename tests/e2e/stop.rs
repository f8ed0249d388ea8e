//! Signals.

use futures_util::StreamExt;

use crate::generate::greedy;
use crate::server::Server;

/// Longer than the grace period allows to finish.
fn endless() -> rkllm_client::api::GenerateRequest {
    rkllm_client::api::GenerateRequest {
        // A model that likes its own words goes on to the end of the context.
        repeat_penalty: Some(0.5),
        ..greedy("Write a very long story.", 4000)
    }
}

async fn ends_cleanly(signal: &str) {
    let server = Server::start(&[], &[]);
    let mut stream = server.client().generate_stream(&endless()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    server.signal(signal);
    let last = loop {
        match stream.next().await {
            Some(Ok(delta)) if delta.finish.is_none() => {}
            other => break other,
        }
    };
    let refused = last.expect("the stream says how it ended").unwrap_err().to_string();
    assert!(refused.contains("shutting down"), "{refused}");
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

#[tokio::test]
async fn interrupt_during_a_stream_ends_it_with_an_error_event_and_status_0() {
    ends_cleanly("INT").await;
}

#[tokio::test]
async fn terminate_does_the_same() {
    ends_cleanly("TERM").await;
}

#[tokio::test]
async fn an_answer_that_ends_in_time_is_complete() {
    let server = Server::start(&[], &[]);
    let request = greedy("Say hello.", 4);
    let mut stream = server.client().generate_stream(&request).await.unwrap();
    stream.next().await.unwrap().unwrap();
    server.signal("INT");
    let mut finish = None;
    while let Some(delta) = stream.next().await {
        finish = delta.unwrap().finish;
    }
    assert!(finish.is_some(), "the client got the end of the answer");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let server = Server::start(&[], &[]);
    let mut stream = server.client().generate_stream(&endless()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    server.signal("INT");
    // The first signal was taken when connections are refused.
    while std::net::TcpStream::connect(&server.address).is_ok() {
        std::thread::yield_now();
    }
    server.signal("INT");
    assert_eq!(server.wait().0.code(), Some(130));
}

#[test]
fn an_idle_server_ends_at_once() {
    let server = Server::start(&[], &[]);
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}
