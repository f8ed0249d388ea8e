//! The native API: `GET /health`, `POST /generate`, `POST /chat`.

mod conversation;
pub(super) mod encode;
mod health;
pub(super) mod parse;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};

use super::{body, collect, failure as failures, ignored, stream};
use crate::app::State;
use crate::error::Error;
use crate::http::resource;
use crate::registry::{Accepted, Target};
use crate::worker::ROLE;
use encode::{Endpoint, Narrator};
use health::health;
use parse::Parsed;

/// Mounts the native routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/health", "GET, HEAD")
                .route(web::get().to(health))
                .route(web::head().to(health)),
        )
        .service(resource("/generate", "POST").route(body::reading(web::post(), generate, failure)))
        .service(resource("/chat", "POST").route(body::reading(web::post(), chat, failure)));
}

async fn generate(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    answer(state, parse::generate(&body)?, Endpoint::Generate).await
}

async fn chat(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    answer(state, parse::chat(&body)?, Endpoint::Chat).await
}

async fn answer(state: &State, parsed: Parsed, endpoint: Endpoint) -> Result<HttpResponse, Error> {
    let stream = parsed.stream;
    let Accepted { answer, ignored, .. } = accept(state, parsed).await?;
    let mut response = HttpResponse::Ok();
    if !ignored.is_empty() {
        response.insert_header((ignored::IGNORED, ignored::header(&ignored)));
    }
    if stream {
        return Ok(stream::respond(response, answer, Narrator::default()));
    }
    let collected = collect(answer).await?;
    Ok(response.json(encode::complete(collected, endpoint)))
}

/// Sends a request to its model. What is ignored is named as on the wire.
pub(super) async fn accept(state: &State, parsed: Parsed) -> Result<Accepted, Error> {
    let Parsed { model, request, role, mut ignored, .. } = parsed;
    request.tuning.check()?;
    let target = Target { model, ..Target::default() };
    let mut accepted = state.registry.answer(&target, request).await?;
    let named = |name: String| if name == ROLE { role.clone() } else { name };
    ignored.extend(accepted.ignored.into_iter().map(named));
    accepted.ignored = ignored;
    Ok(accepted)
}

/// An error in the native API's words.
pub(super) fn failure(error: &Error) -> HttpResponse {
    failures::respond(error).json(encode::error(error))
}
