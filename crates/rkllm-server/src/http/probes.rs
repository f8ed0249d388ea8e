//! What is asked about the server itself: whether it lives, whether it is ready, its numbers.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::resource::resource;
use crate::app::State;
use crate::dialect::Face;
use crate::metrics;

const READ: &str = "GET, HEAD";
/// The text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The answer of `/livez`, and of `/readyz` if all is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct Probe {
    /// `live` or `ready`.
    status: &'static str,
}

/// Whether a path is asked for by whatever watches over the server; such requests need no key.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/health")
}

/// Mounts the probes and the metrics.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/livez", READ).route(web::get().to(livez)).route(web::head().to(livez)))
        .service(
            resource("/readyz", READ).route(web::get().to(readyz)).route(web::head().to(readyz)),
        )
        .service(resource("/metrics", READ).route(web::get().to(text)).route(web::head().to(text)));
}

/// The process answers, whatever its models do.
async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(Probe { status: "live" })
}

/// Requests are taken and begin at once.
async fn readyz(state: Data<State>, request: HttpRequest) -> HttpResponse {
    match state.registry.readiness().error() {
        None => HttpResponse::Ok().json(Probe { status: "ready" }),
        Some(error) => Face::of(request.head()).failure(&request, &error),
    }
}

async fn text(state: Data<State>) -> HttpResponse {
    metrics::models(&state.registry.models().await);
    HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT_FORMAT)).body(metrics::text())
}
