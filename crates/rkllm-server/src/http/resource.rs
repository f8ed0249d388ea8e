//! Paths and methods that do not exist.

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse, Resource};

use crate::dialect::Face;
use crate::error::{Code, Error};

/// A path whose other methods are answered with an error that names the right ones.
pub(crate) fn resource(path: &'static str, methods: &'static str) -> Resource {
    let refuse = move |request: HttpRequest| async move {
        let message = format!("{} takes {methods}, not {}", request.path(), request.method());
        let error = Error::new(Code::MethodNotAllowed, message);
        let mut response = Face::of(request.head()).failure(&request, &error);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        response
    };
    web::resource(path).default_service(web::to(refuse))
}

/// Answers every path that does not exist.
pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    let face = Face::of(request.head());
    let message = format!("there is no {} here; the paths are {}", request.path(), face.paths);
    face.failure(&request, &Error::new(Code::NotFound, message))
}
