//! A runtime that crashes, hangs or lies, clients that misbehave, files that go away: what becomes of
//! the answers. The scripted runtime does it all on cue.

mod clients;
mod clock;
mod crash;
mod hang;
mod killed;
mod line;
mod loads;
mod models;
mod paused;
mod process;
mod signals;
#[cfg(feature = "soak")]
mod soak;

use std::time::Duration;

use futures_util::StreamExt;
use rkllm_client::api::{Finish, GenerateRequest};
use rkllm_client::{ApiBody, Client, DeltaStream, Error, Options};
use rkllm_fake::Script;

use crate::server::Server;

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A script whose answers are slow enough that each token travels alone.
fn script() -> Script {
    let script = Script::new();
    script.set("TOKENS", 5).set("TOKEN_US", 1000).set("TEXT", "%p.%d ");
    script
}

/// What the answer to a prompt says with the first tokens of [`script`].
fn reply(prompt: &str, tokens: usize) -> String {
    (0..tokens).map(|index| format!("{prompt}.{index} ")).collect()
}

/// A client that takes the first word for an answer.
fn client(server: &Server) -> Client {
    let options = Options { retries: 0, ..Options::default() };
    Client::with_options(&server.url(), &options).unwrap()
}

fn prompt(prompt: &str) -> GenerateRequest {
    GenerateRequest { prompt: prompt.into(), ..GenerateRequest::default() }
}

/// The same for a model of the folder.
fn to(model: &str, text: &str) -> GenerateRequest {
    GenerateRequest { model: Some(model.into()), ..prompt(text) }
}

/// The text of an answer, or the status and the code of the error.
async fn ask(server: &Server, request: &GenerateRequest) -> Result<String, (u16, String)> {
    let answer = client(server).generate(request).await;
    answer.map(|answer| answer.text).map_err(|error| code(&error))
}

/// A stream that is in line, or begun.
async fn open(server: &Server, text: &str) -> DeltaStream {
    client(server).generate_stream(&prompt(text)).await.unwrap()
}

/// A stream of which the first token has come.
async fn begun(server: &Server, text: &str) -> DeltaStream {
    let mut stream = open(server, text).await;
    assert!(!stream.next().await.unwrap().unwrap().content.is_empty());
    stream
}

/// The rest of a stream: its text, and how it ended.
async fn rest(stream: &mut DeltaStream) -> (String, Result<Finish, Error>) {
    let mut text = String::new();
    loop {
        match stream.next().await.expect("a stream says how it ended") {
            Ok(delta) => {
                text.push_str(&delta.content);
                if let Some(finish) = delta.finish {
                    return (text, Ok(finish));
                }
            }
            Err(error) => return (text, Err(error)),
        }
    }
}

/// Status and code of an error that the server sent.
fn code(error: &Error) -> (u16, String) {
    match error {
        Error::Api { status, body: ApiBody::Error(body), .. } => (*status, body.code.clone()),
        other => panic!("not an error of the API: {other:?}"),
    }
}

/// Asserts that the model answers as [`script`] says.
async fn works(server: &Server) {
    assert_eq!(ask(server, &prompt("still")).await, Ok(reply("still", 5)));
}
