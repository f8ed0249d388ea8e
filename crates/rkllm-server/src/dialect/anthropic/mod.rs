//! Anthropic's Messages API: `POST /v1/messages`, `POST /v1/messages/count_tokens`, and
//! `GET /v1/models` for clients that say they are Anthropic's.

mod complete;
mod content;
mod conversation;
mod encode;
mod failure;
mod message;
mod models;
mod parse;
mod request;
mod tools;

use actix_web::dev::RequestHead;
use actix_web::http::header::HeaderName;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, guard};
use serde::Serialize;

use super::{body, collect, id, ignored, stream};
use crate::app::State;
use crate::error::Error;
use crate::http::resource;
use crate::registry::Accepted;
use encode::Encoder;
pub(super) use failure::failure;
use parse::{Limit, Parsed};

/// What this dialect has.
pub(super) const PATHS: &str = "POST /v1/messages, POST /v1/messages/count_tokens, \
                                GET /v1/models and GET /v1/models/{id}";

/// The header by which Anthropic's clients show on paths that other dialects have as well. Its
/// value, a date, says nothing about what is asked for here.
const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

const MESSAGES: &str = "/v1/messages";
const COUNT_TOKENS: &str = "/v1/messages/count_tokens";

/// Mounts the routes. Those of models leave other clients to the dialects that are mounted after.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let theirs = || guard::fn_guard(|request| request.head().headers().contains_key(VERSION));
    config
        .service(resource(MESSAGES, "POST").route(web::post().to(messages)))
        .service(resource(COUNT_TOKENS, "POST").route(web::post().to(count_tokens)))
        .service(resource("/v1/models", "GET").guard(theirs()).route(web::get().to(models::list)))
        .service(
            resource("/v1/models/{id:.+}", "GET").guard(theirs()).route(web::get().to(models::one)),
        );
}

/// Whether a request is this dialect's.
pub(super) fn owns(request: &RequestHead) -> bool {
    let path = request.uri.path();
    let below = path.strip_prefix(MESSAGES);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || (path.starts_with("/v1/") && request.headers().contains_key(VERSION))
}

async fn messages(state: Data<State>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let answered = async {
        let body = body::read(&request, payload).await?;
        let parsed = parse::messages(&body, Limit::Required)?;
        answer(&state.of(&request), parsed).await
    };
    answered.await.unwrap_or_else(|error| failure(&request, &error))
}

async fn answer(state: &State, parsed: Parsed) -> Result<HttpResponse, Error> {
    let Parsed { target, request, stream, thoughts, names, mut ignored } = parsed;
    let Accepted { answer, model, prompt_tokens, ignored: unheard } =
        state.registry.answer(&target, request).await?;
    ignored.extend(unheard.into_iter().filter_map(|name| names.on_the_wire(name)));
    let mut response = ok(&ignored);
    let message = message::Head { id: id("msg_"), model };
    if stream {
        let encoder = Encoder::new(message, prompt_tokens.unwrap_or_default(), thoughts);
        return Ok(stream::respond(response, answer, encoder));
    }
    let collected = collect(answer).await?;
    Ok(response.json(complete::message(&message, &collected, thoughts)))
}

#[derive(Serialize)]
struct Count {
    input_tokens: u32,
}

async fn count_tokens(state: Data<State>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let counted = async {
        let body = body::read(&request, payload).await?;
        let parsed = parse::messages(&body, Limit::Unused)?;
        let input_tokens = state.registry.count(&parsed.target, parsed.request).await?;
        Ok(ok(&parsed.ignored).json(Count { input_tokens }))
    };
    counted.await.unwrap_or_else(|error: Error| failure(&request, &error))
}

/// A response that lists what is ignored.
fn ok(names: &[String]) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if !names.is_empty() {
        response.insert_header((ignored::IGNORED, ignored::header(names)));
    }
    response
}
