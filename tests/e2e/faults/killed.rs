//! Children that are killed at random moments under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::future::join_all;
use rkllm_fake::Script;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

#[cfg(feature = "soak")]
use super::process::memory;
use super::process::{child, children, descriptors};
use super::{DEADLINE, client, code, prompt, reply};
use crate::server::Server;

const CLIENTS: usize = 4;
const TOKENS: usize = 20;
/// Crashes without an answer in between that the server takes for bad luck.
const BAD_LUCK: usize = 4;

/// What the killer goes by.
#[derive(Clone, Copy)]
enum Sign {
    Token,
    /// Asked for after so many kills: the server has seen an answer since then, and maybe later.
    Answer(usize),
}

/// What the clients have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    answers: AtomicUsize,
    broken: AtomicUsize,
}

/// Where a client writes what it sees.
#[derive(Clone)]
struct Notes {
    signs: UnboundedSender<Sign>,
    seen: Arc<Seen>,
    kills: Arc<AtomicUsize>,
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A server under load whose child is killed as often as wanted.
pub(super) struct Killing {
    pub(super) script: Script,
    pub(super) server: Arc<Server>,
    dice: Dice,
    pub(super) seen: Arc<Seen>,
}

impl Killing {
    pub(super) fn start() -> Self {
        let script = Script::new();
        script.set("TOKENS", TOKENS).set("TOKEN_US", 300).set("TEXT", "%p.%d ");
        let server = Arc::new(Server::scripted(&script, &[]));
        Self { script, server, dice: Dice(0x9e37_79b9_7f4a_7c15), seen: Arc::default() }
    }

    /// Kills a child so many times while clients ask; over when all have their answers.
    pub(super) async fn rounds(&mut self, rounds: usize) {
        let over = Arc::new(AtomicBool::new(false));
        let (signs, mut news) = unbounded_channel();
        let kills = Arc::new(AtomicUsize::new(0));
        let notes = Notes { signs, seen: Arc::clone(&self.seen), kills: Arc::clone(&kills) };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (server, over) = (Arc::clone(&self.server), Arc::clone(&over));
                let notes = notes.clone();
                tokio::spawn(async move {
                    for turn in 0.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        let name = format!("{number}-{turn}");
                        let asked = one(&server, &name, turn % 4 != 3, &notes);
                        tokio::time::timeout(DEADLINE, asked).await.expect("no answer is lost");
                    }
                })
            })
            .collect();
        let mut lucky = 0;
        for killed in 0..rounds {
            let pause = self.dice.throw(60);
            lucky = wait(&mut news, (pause, killed), lucky).await;
            child(&self.server).kill();
            kills.store(killed + 1, Ordering::Relaxed);
        }
        over.store(true, Ordering::Relaxed);
        for client in join_all(clients).await {
            client.unwrap();
        }
    }

    /// Asserts that nothing is left over.
    pub(super) async fn clean(&self) {
        works_again(&self.server).await;
        assert_eq!(children(&self.server).len(), 1);
        assert!(self.script.misuse().is_empty(), "{:?}", self.script.misuse());
        let (answers, broken) = (&self.seen.answers, &self.seen.broken);
        assert!(
            answers.load(Ordering::Relaxed) > broken.load(Ordering::Relaxed),
            "{:?}",
            self.seen
        );
        assert!(broken.load(Ordering::Relaxed) > 0, "{:?}", self.seen);
    }

    /// Descriptors of the server, once connections that were closed are gone.
    pub(super) fn descriptors(&self, at_most: usize) -> usize {
        let end = std::time::Instant::now() + DEADLINE;
        loop {
            let count = descriptors(self.server.pid()).len();
            if count <= at_most || std::time::Instant::now() > end {
                return count;
            }
            std::thread::yield_now();
        }
    }

    #[cfg(feature = "soak")]
    pub(super) fn memory(&self) -> u64 {
        memory(self.server.pid())
    }
}

/// Waits for so many tokens, and for an answer if there was none for many kills. `lucky` of them were
/// before the last answer; returns how many are by now.
async fn wait(
    news: &mut UnboundedReceiver<Sign>,
    (tokens, killed): (u64, usize),
    mut lucky: usize,
) -> usize {
    let mut seen = 0;
    while seen < tokens || killed - lucky >= BAD_LUCK {
        match news.recv().await.expect("the clients go on") {
            Sign::Token => seen += 1,
            Sign::Answer(asked) => lucky = lucky.max(asked),
        }
    }
    while let Ok(sign) = news.try_recv() {
        if let Sign::Answer(asked) = sign {
            lucky = lucky.max(asked);
        }
    }
    lucky
}

/// One request: its answer is whole, or ends with an error after a true beginning.
async fn one(server: &Server, name: &str, stream: bool, notes: &Notes) {
    let Notes { signs, seen, kills } = notes;
    let asked = kills.load(Ordering::Relaxed);
    let whole = reply(name, TOKENS);
    let ended = if stream {
        let mut text = String::new();
        let mut ended = Ok(());
        match client(server).generate_stream(&prompt(name)).await {
            Ok(mut deltas) => {
                while let Some(delta) = deltas.next().await {
                    match delta {
                        Ok(delta) => text.push_str(&delta.content),
                        Err(error) => ended = Err(error),
                    }
                    let _ = signs.send(Sign::Token);
                }
            }
            Err(error) => ended = Err(error),
        }
        match &ended {
            Ok(()) => assert_eq!(text, whole),
            Err(_) => assert!(whole.starts_with(&text), "{text:?} is no beginning of {whole:?}"),
        }
        ended
    } else {
        client(server).generate(&prompt(name)).await.map(|answer| assert_eq!(answer.text, whole))
    };
    match ended {
        Ok(()) => {
            seen.answers.fetch_add(1, Ordering::Relaxed);
            let _ = signs.send(Sign::Answer(asked));
        }
        Err(error) => {
            assert_eq!(code(&error).1, "runtime_crashed");
            seen.broken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The last kill may still have to be noticed.
async fn works_again(server: &Server) {
    let request = prompt("last");
    let answer = client(server).generate(&request).await;
    match answer {
        Ok(answer) => assert_eq!(answer.text, reply("last", TOKENS)),
        Err(error) => {
            assert_eq!(code(&error).1, "runtime_crashed");
            let answer = client(server).generate(&request).await.unwrap();
            assert_eq!(answer.text, reply("last", TOKENS));
        }
    }
}

#[tokio::test]
async fn thirty_kills_lose_no_answer_and_leave_nothing_behind() {
    let mut killing = Killing::start();
    let before = killing.descriptors(usize::MAX);
    killing.rounds(30).await;
    killing.clean().await;
    let after = killing.descriptors(before);
    assert!(after <= before, "{before} descriptors before, {after} after");
}
