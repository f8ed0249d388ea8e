//! The OpenAI API and what servers of it have added: reranking and tokens.

mod answers;
mod chat;
mod chunk;
mod common;
mod completions;
mod content;
mod either;
mod embeddings;
mod error;
mod format;
mod message;
mod models;
mod names;
mod prompt;
mod reply;
mod rerank;
mod responses;
#[cfg(test)]
mod scripted;
mod thinking;
mod tokens;
mod tools;
mod wire;

use actix_web::dev::RequestHead;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use super::body;
use crate::app::State;
use crate::error::{Code, Error};
use crate::http::not_found;
pub(super) use error::failure;

/// What this dialect has.
pub(super) const PATHS: &str = "POST /v1/chat/completions, /v1/completions, /v1/responses, \
                                /v1/embeddings and /v1/rerank, GET /v1/models, /v1/models/{id} \
                                and /v1/responses/{id}";

/// One model. Names contain slashes, plain or encoded.
const MODEL: &str = "/v1/models/{id:.+}";

/// Mounts the routes of the OpenAI API, and an error for every other path under `/v1`: routes of
/// other dialects there have to be mounted before.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .configure(responses::routes)
        .service(resource("/v1/chat/completions", "POST").route(post(chat::answer)))
        .service(resource("/v1/completions", "POST").route(post(completions::answer)))
        .service(resource("/v1/embeddings", "POST").route(post(embeddings::answer)))
        .service(resource("/v1/rerank", "POST").route(post(rerank::answer)))
        .service(resource("/tokenize", "POST").route(post(tokens::tokenize)))
        .service(resource("/detokenize", "POST").route(post(tokens::detokenize)))
        .service(resource("/v1/models", "GET").route(web::get().to(models)))
        .service(resource(MODEL, "GET").route(web::get().to(model)))
        .service(web::resource(["/v1", "/v1/{path:.*}"]).default_service(web::to(not_found)));
}

/// Whether a request is this dialect's, unless it is another one's under `/v1`.
pub(super) fn owns(request: &RequestHead) -> bool {
    let path = request.uri.path().trim_end_matches('/');
    matches!(path, "/v1" | "/tokenize" | "/detokenize") || path.starts_with("/v1/")
}

/// A path, with or without a slash at its end, whose other methods are answered with an error that
/// names the right one.
fn resource(path: &'static str, method: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| async move {
        let message = format!("{} takes {method}, not {}", request.path(), request.method());
        let mut response = failure(&Error::new(Code::MethodNotAllowed, message));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
        response
    };
    web::resource([path.to_owned(), format!("{path}/")]).default_service(web::to(refuse))
}

/// A route that reads a body, whatever its content type, and answers it with `answer`.
fn post<A>(answer: A) -> Route
where
    A: AsyncFn(&State, Bytes) -> Result<HttpResponse, Error> + Copy + 'static,
{
    body::reading(web::post(), answer, failure)
}

async fn models(state: Data<State>) -> HttpResponse {
    dressed(models::list(&state).await)
}

async fn model(state: Data<State>, id: Path<String>) -> HttpResponse {
    dressed(models::one(&state, &id).await)
}

fn dressed(answered: Result<HttpResponse, Error>) -> HttpResponse {
    answered.unwrap_or_else(|error| failure(&error))
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, http::Method};

    use super::*;

    /// The answer's status, its header `Allow` and its body.
    async fn asked(method: Method, path: &str) -> String {
        let app = init_service(App::new().configure(routes)).await;
        let request = TestRequest::default().method(method).uri(path).to_request();
        let response = call_service(&app, request).await;
        let allow = response.headers().get(ALLOW).map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = read_body(response).await;
        format!("{status} {} {}", allow.unwrap_or_default(), String::from_utf8_lossy(&body))
    }

    #[actix_web::test]
    async fn names_of_models_contain_anything() {
        let echo =
            resource(MODEL, "GET").route(web::get().to(async |id: Path<String>| id.into_inner()));
        let app = init_service(App::new().service(echo)).await;
        for (path, id) in [
            ("/v1/models/smol:135m", "smol:135m"),
            ("/v1/models/org%2Fsmol%3A135m", "org/smol:135m"),
            ("/v1/models/org/smol-1.5?x=1", "org/smol-1.5"),
            ("/v1/models/123", "123"),
        ] {
            let request = TestRequest::get().uri(path).to_request();
            assert_eq!(read_body(call_service(&app, request).await).await, id);
        }
    }

    #[actix_web::test]
    async fn other_methods_and_paths_are_errors_in_this_shape() {
        let mut said = Vec::new();
        for (method, path) in [
            (Method::GET, "/v1/chat/completions"),
            (Method::GET, "/v1/chat/completions/?x=1"),
            (Method::DELETE, "/v1/models/org/m"),
            (Method::PUT, "/tokenize"),
            (Method::GET, "/v1/images/generations"),
            (Method::POST, "/v1"),
            (Method::GET, "/v1/"),
        ] {
            said.push(format!("{method} {path}\n  {}", asked(method.clone(), path).await));
        }
        insta::assert_snapshot!(said.join("\n"));
    }
}
