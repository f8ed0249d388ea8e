//! `POST /v1/completions`: a text is continued as it stands, without a chat template.

mod parse;
mod stream;
mod whole;

use std::time::SystemTime;

use actix_web::HttpResponse;
use actix_web::web::Bytes;

use super::chunk::Plan;
use super::error::about;
use super::prompt::Prompt;
use super::reply;
use super::wire::{Head, seconds};
use crate::app::State;
use crate::dialect::id::id;
use crate::dialect::stream as streams;
use crate::error::Error;
use crate::registry::Target;
use stream::Encoder;

pub(super) async fn answer(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let parse::Parsed { asked, echo } = parse::parse(&body)?;
    let head = Head {
        id: id("cmpl-"),
        object: "text_completion",
        created: seconds(SystemTime::now()),
        model: asked.model.clone(),
    };
    let echo = texts(state, &asked.model, echo).await.map_err(about("prompt"))?;
    let (n, total, end) = (asked.series.n(), asked.series.total(), asked.stream);
    let (answers, mut response) = reply::open(state, asked).await.map_err(about("prompt"))?;
    if let Some(end) = end {
        let plan = Plan { n, total, usage: end.usage };
        return Ok(streams::respond(response, answers, Encoder::new(&head, echo, plan)));
    }
    let collected = answers.collect().await.map_err(about("prompt"))?;
    Ok(response.json(whole::complete(&head, &whole::Echo { prompts: &echo, n }, collected)))
}

/// The texts that stand before the answers; empty if none were asked for.
async fn texts(state: &State, model: &str, prompts: Vec<Prompt>) -> Result<Vec<String>, Error> {
    let target = Target { model: Some(model.to_owned()), ..Target::default() };
    let mut texts = Vec::with_capacity(prompts.len());
    for prompt in prompts {
        texts.push(match prompt {
            Prompt::Text(text) => text,
            Prompt::Tokens(tokens) => state.registry.detokenize(&target, tokens).await?,
        });
    }
    Ok(texts)
}
