//! The native API: `GET /health`, `POST /generate`, `POST /chat`.

mod encode;
mod parse;

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};
use rkllm_api::Health;

use super::{IGNORED, collect, sse};
use crate::app::{MAX_BODY, State};
use crate::error::{Code, Error};
use crate::generate::Request;
use encode::{Encoder, Endpoint};
use parse::Parsed;

/// Mounts the native routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/health", "GET").route(web::get().to(health)))
        .service(resource("/generate", "POST").route(web::post().to(generate)))
        .service(resource("/chat", "POST").route(web::post().to(chat)));
}

/// A path whose other methods are answered with an error that names the right one.
fn resource(path: &'static str, method: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| async move {
        let message = format!("{path} takes {method}, not {}", request.method());
        let mut response = failure(&Error::new(Code::MethodNotAllowed, message));
        let allow = actix_web::http::header::HeaderValue::from_static(method);
        response.headers_mut().insert(ALLOW, allow);
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
        model_loaded: state.worker.is_ready(),
        timestamp: now.as_secs_f64(),
    })
}

async fn generate(state: Data<State>, body: Result<Bytes, actix_web::Error>) -> HttpResponse {
    let answer = async { answer(&state, parse::generate(&read(body)?)?, Endpoint::Generate).await };
    answer.await.unwrap_or_else(|error| failure(&error))
}

async fn chat(state: Data<State>, body: Result<Bytes, actix_web::Error>) -> HttpResponse {
    let answer = async { answer(&state, parse::chat(&read(body)?)?, Endpoint::Chat).await };
    answer.await.unwrap_or_else(|error| failure(&error))
}

fn read(body: Result<Bytes, actix_web::Error>) -> Result<Bytes, Error> {
    body.map_err(|error| {
        let too_large = error.as_response_error().status_code() == Code::BodyTooLarge.status();
        if too_large {
            let limit = MAX_BODY >> 20;
            let message = format!("the request body is larger than {limit} MiB; shorten the text");
            return Error::new(Code::BodyTooLarge, message);
        }
        Error::new(Code::BodyIncomplete, format!("the request body did not arrive whole: {error}"))
    })
}

async fn answer(state: &State, parsed: Parsed, endpoint: Endpoint) -> Result<HttpResponse, Error> {
    let Parsed { messages, enable_thinking, stream, tuning, ignored } = parsed;
    tuning.check()?;
    let request = Request { messages, enable_thinking, tuning };
    let checked = state.worker.check(request).await?;
    let ignored = ignored.into_iter().chain(checked.ignored.iter().map(|&name| name.to_owned()));
    let ignored = ignored.collect::<Vec<_>>().join(", ");
    let answer = state.worker.answer(checked)?;
    let mut response = HttpResponse::Ok();
    if !ignored.is_empty() {
        response.insert_header((IGNORED, header_text(&ignored)));
    }
    if stream {
        response
            .insert_header((CONTENT_TYPE, "text/event-stream"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header(("x-accel-buffering", "no"));
        return Ok(response.streaming(sse::Body::new(answer, Encoder)));
    }
    let collected = collect(answer).await?;
    Ok(response.json(encode::complete(collected, endpoint)))
}

/// Field names come from the client: what cannot stand in a header is replaced, and the length is
/// bounded.
fn header_text(text: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_graphic() || c == ' ' { c } else { '?' }
    };
    text.chars().take(1000).map(plain).collect()
}

fn failure(error: &Error) -> HttpResponse {
    let mut response = HttpResponse::build(error.code.status());
    if error.code == Code::Busy {
        response.insert_header((RETRY_AFTER, "1"));
    }
    response.json(encode::error(error))
}
