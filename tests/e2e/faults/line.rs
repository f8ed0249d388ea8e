//! Many requests at once.

use futures_util::StreamExt;
use futures_util::future::{join, join_all};

use super::{ask, begun, client, code, open, prompt, reply, rest, script};
use crate::server::Server;

#[tokio::test]
async fn sixty_four_at_once_are_all_answered() {
    let script = script();
    let server = Server::scripted(&script, &["--queue-depth", "63"]);
    let client = client(&server);
    let asked = (0..64).map(|number| {
        let (client, name) = (client.clone(), format!("client-{number}"));
        tokio::spawn(async move { (client.generate(&prompt(&name)).await, name) })
    });
    for answer in join_all(asked).await {
        let (answer, name) = answer.unwrap();
        assert_eq!(answer.unwrap().text, reply(&name, 5));
    }
    assert!(script.misuse().is_empty(), "{:?}", script.misuse());
}

#[tokio::test]
async fn turns_are_taken_in_order_of_arrival() {
    let script = script();
    script.set("TOKENS", "forever").set("TEXT", "%T ");
    let server = Server::scripted(&script, &["--queue-depth", "63"]);
    let running = begun(&server, "first").await;
    let mut waiting = Vec::new();
    for _ in 0..63 {
        waiting.push(open(&server, "next").await);
    }
    assert_eq!(ask(&server, &prompt("one more")).await, Err((503, "busy".into())));
    script.set("TOKENS", 1);
    drop(running);
    let answers = join_all(waiting.iter_mut().map(rest)).await;
    let times: Vec<u64> = answers
        .into_iter()
        .map(|(text, end)| end.map(|_| text.trim().parse().unwrap()).unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn waiting_has_an_end() {
    let script = script();
    script.set("TOKENS", "forever");
    let server = Server::scripted(&script, &["--queue-timeout", "1"]);
    let mut running = begun(&server, "running").await;
    let request = prompt("whole");
    let (whole, mut stream) = join(ask(&server, &request), open(&server, "stream")).await;
    assert_eq!(whole, Err((503, "queue_timeout".into())));
    assert_eq!(code(&rest(&mut stream).await.1.unwrap_err()).1, "queue_timeout");
    assert!(running.next().await.unwrap().is_ok(), "who runs is not disturbed");
}
