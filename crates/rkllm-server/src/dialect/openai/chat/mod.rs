//! `POST /v1/chat/completions`.

mod parse;
mod stream;
mod whole;

use std::time::SystemTime;

use actix_web::HttpResponse;
use actix_web::web::Bytes;

use super::chunk::Plan;
use super::error::about;
use super::reply;
use super::wire::{Head, seconds};
use crate::app::State;
use crate::dialect::id::id;
use crate::dialect::stream as streams;
use crate::error::Error;
use stream::Encoder;

/// How function calls are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calls {
    /// As `tool_calls`.
    Current,
    /// As `function_call`, which `tool_calls` has replaced. There is one call at most.
    Legacy,
}

pub(super) async fn answer(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let parse::Parsed { asked, calls } = parse::parse(&body)?;
    let mut head = Head {
        id: id("chatcmpl-"),
        object: "chat.completion",
        created: seconds(SystemTime::now()),
        model: asked.model.clone(),
    };
    let (n, end) = (asked.series.n(), asked.stream);
    let (answers, mut response) = reply::open(state, asked).await.map_err(about("messages"))?;
    if let Some(end) = end {
        head.object = "chat.completion.chunk";
        let plan = Plan { n, total: n as usize, usage: end.usage };
        return Ok(streams::respond(response, answers, Encoder::new(&head, calls, plan)));
    }
    let collected = answers.collect().await.map_err(about("messages"))?;
    Ok(response.json(whole::complete(&head, calls, collected)))
}
