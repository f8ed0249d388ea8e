//! The native API: `GET /health`, `POST /generate`, `POST /chat`.

mod encode;
mod parse;

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};
use rkllm_api::Health;

use super::{body, collect, ignored, stream};
use crate::app::State;
use crate::error::{Code, Error};
use crate::generate::{Input, Request};
use crate::registry::{Accepted, Target};
use crate::worker::ROLE;
use encode::{Encoder, Endpoint};
use parse::Parsed;

/// Mounts the native routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/health", "GET, HEAD")
                .route(web::get().to(health))
                .route(web::head().to(health)),
        )
        .service(resource("/generate", "POST").route(web::post().to(generate)))
        .service(resource("/chat", "POST").route(web::post().to(chat)));
}

/// A path whose other methods are answered with an error that names the right ones.
fn resource(path: &'static str, methods: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| async move {
        let message = format!("{path} takes {methods}, not {}", request.method());
        let mut response = failure(&Error::new(Code::MethodNotAllowed, message));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        response
    };
    web::resource(path).default_service(web::to(refuse))
}

/// Answers every path that does not exist.
pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    failure(&Error::new(
        Code::NotFound,
        format!(
            "there is no {} here; the paths are GET /health, POST /generate and POST /chat",
            request.path()
        ),
    ))
}

async fn health(state: Data<State>) -> HttpResponse {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    HttpResponse::Ok().json(Health {
        status: "healthy".to_owned(),
        model_loaded: state.registry.is_loaded(),
        timestamp: now.as_secs_f64(),
    })
}

async fn generate(state: Data<State>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let answered = async {
        let parsed = parse::generate(&body::read(request.headers(), payload).await?)?;
        answer(&state, parsed, Endpoint::Generate).await
    };
    answered.await.unwrap_or_else(|error| failure(&error))
}

async fn chat(state: Data<State>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let answered = async {
        let parsed = parse::chat(&body::read(request.headers(), payload).await?)?;
        answer(&state, parsed, Endpoint::Chat).await
    };
    answered.await.unwrap_or_else(|error| failure(&error))
}

async fn answer(state: &State, parsed: Parsed, endpoint: Endpoint) -> Result<HttpResponse, Error> {
    let Parsed { model, messages, enable_thinking, stream, tuning, mut ignored } = parsed;
    tuning.check()?;
    let last = messages.len().saturating_sub(1);
    let target = Target { model, ..Target::default() };
    let input = Input::chat(messages);
    let request = Request { input, enable_thinking, tuning, ..Request::default() };
    let Accepted { answer, ignored: unheard, .. } = state.registry.answer(&target, request).await?;
    ignored.extend(unheard.into_iter().map(|name| match endpoint {
        Endpoint::Chat if name == ROLE => format!("messages[{last}].{name}"),
        _ => name,
    }));
    let mut response = HttpResponse::Ok();
    if !ignored.is_empty() {
        response.insert_header((ignored::IGNORED, ignored::header(&ignored)));
    }
    if stream {
        return Ok(stream::respond(response, answer, Encoder));
    }
    let collected = collect(answer).await?;
    Ok(response.json(encode::complete(collected, endpoint)))
}

fn failure(error: &Error) -> HttpResponse {
    let mut response = HttpResponse::build(error.code.status());
    if error.code == Code::Busy {
        response.insert_header((RETRY_AFTER, "1"));
    }
    if error.code == Code::BodyIncomplete {
        // The rest may never come.
        response.force_close();
    }
    response.json(encode::error(error))
}
