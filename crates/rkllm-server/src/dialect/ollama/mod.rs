//! The Ollama API: everything below `/api`, and the answer of `/` by which programs know it.

mod ability;
mod answer;
mod blobs;
mod chat;
mod common;
mod create;
mod details;
mod embed;
mod encode;
mod format;
mod generate;
mod keep_alive;
mod line;
mod manage;
mod message;
mod named;
mod number;
mod options;
mod parsed;
mod progress;
mod pull;
mod reply;
mod show;
mod tags;
mod think;
mod time;
mod tool;

use actix_web::dev::RequestHead;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};
use serde::Serialize;

use super::body;
use crate::app::State;
use crate::error::{Code, Error};
pub(super) use reply::failure;

/// What this dialect has.
pub(super) const PATHS: &str = "/ and those below /api";

/// The version of the API that this is. Programs refuse older ones, and what is not three numbers.
const VERSION: &str = "0.13.5";

/// Mounts the routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let api = web::scope("/api")
        .service(
            resource("/version", "GET, HEAD")
                .route(web::get().to(version))
                .route(web::head().to(version)),
        )
        .service(
            resource("/tags", "GET, HEAD")
                .route(web::get().to(tags::tags))
                .route(web::head().to(tags::tags)),
        )
        .service(resource("/ps", "GET").route(web::get().to(tags::ps)))
        .service(resource("/chat", "POST").route(reading(web::post(), chat::chat)))
        .service(resource("/generate", "POST").route(reading(web::post(), generate::generate)))
        .service(resource("/embed", "POST").route(reading(web::post(), embed::embed)))
        .service(resource("/embeddings", "POST").route(reading(web::post(), embed::embeddings)))
        .service(resource("/show", "POST").route(reading(web::post(), show::show)))
        .service(resource("/pull", "POST").route(reading(web::post(), pull::pull)))
        .service(resource("/push", "POST").route(web::post().to(push)))
        .service(resource("/copy", "POST").route(reading(web::post(), manage::copy)))
        .service(resource("/delete", "DELETE").route(reading(web::delete(), manage::delete)))
        .service(resource("/create", "POST").route(reading(web::post(), create::create)))
        .service(
            resource("/blobs/{digest}", "HEAD, POST")
                .route(web::head().to(blobs::head))
                .route(web::post().to(blobs::post)),
        )
        .default_service(web::to(not_found));
    let root = resource("/", "GET, HEAD").route(web::get().to(root)).route(web::head().to(root));
    config.service(root).service(api);
}

/// Whether a request is this dialect's.
pub(super) fn owns(request: &RequestHead) -> bool {
    let path = request.uri.path();
    matches!(path, "/" | "/api") || path.starts_with("/api/")
}

/// A path whose other methods are answered with an error that names the right ones.
fn resource(path: &'static str, methods: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| async move {
        let message = format!("{} takes {methods}, not {}", request.path(), request.method());
        let mut response = reply::failure(&Error::new(Code::MethodNotAllowed, message));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        response
    };
    web::resource(path).default_service(web::to(refuse))
}

/// A route that reads a body, whatever its content type, and answers it with `answer`.
fn reading<A>(route: Route, answer: A) -> Route
where
    A: AsyncFn(&State, Bytes) -> Result<HttpResponse, Error> + Copy + 'static,
{
    body::reading(route, answer, failure)
}

async fn root() -> HttpResponse {
    let text = "text/plain; charset=utf-8";
    HttpResponse::Ok().insert_header((CONTENT_TYPE, text)).body("Ollama is running")
}

async fn version() -> HttpResponse {
    #[derive(Serialize)]
    struct Version {
        version: &'static str,
    }
    reply::json(HttpResponse::Ok(), &Version { version: VERSION })
}

async fn push() -> HttpResponse {
    let message = "this server cannot push models; upload the model's files to the hub itself";
    reply::failure(&Error::new(Code::Unsupported, message))
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    let message = format!("404 page not found: there is no {} here", request.path());
    reply::failure(&Error::new(Code::NotFound, message))
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, http::StatusCode};

    use super::*;

    async fn send(method: Method, path: &str) -> (StatusCode, String) {
        let app = init_service(App::new().configure(routes)).await;
        let request = TestRequest::default().method(method).uri(path).to_request();
        let response = call_service(&app, request).await;
        let status = response.status();
        (status, String::from_utf8(read_body(response).await.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn programs_know_the_server_by_its_root_and_its_version() {
        assert_eq!(send(Method::GET, "/").await, (StatusCode::OK, "Ollama is running".into()));
        assert_eq!(send(Method::HEAD, "/").await.0, StatusCode::OK);
        let (_, body) = send(Method::GET, "/api/version").await;
        assert_eq!(body, r#"{"version":"0.13.5"}"#);
        let parts: Vec<u32> = VERSION.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(parts.len() == 3 && parts >= vec![0, 6, 4]);
    }

    #[actix_web::test]
    async fn every_other_path_and_method_is_an_error_with_a_text() {
        insta::assert_snapshot!(send(Method::GET, "/api/nowhere").await.1, @r#"{"error":"404 page not found: there is no /api/nowhere here"}"#);
        insta::assert_snapshot!(send(Method::GET, "/api/chat").await.1, @r#"{"error":"/api/chat takes POST, not GET"}"#);
        assert_eq!(send(Method::GET, "/api/chat").await.0, StatusCode::METHOD_NOT_ALLOWED);
        let (status, body) = send(Method::POST, "/api/push").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body.starts_with(r#"{"error":"this server cannot push"#), "{body}");
    }
}
