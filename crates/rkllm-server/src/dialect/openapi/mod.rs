//! The description of the native, the admin and the OpenAI API, and a page that shows it.

mod admin;
mod document;
mod native;
mod openai;
mod operation;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::web::{self, Bytes, ServiceConfig};

use crate::http::resource;

/// The page. Everything in it is its own: it works without a network.
const PAGE: &str = include_str!("page.html");
/// What the page may load: nothing but this server's answers.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document::document().to_string()));

/// Whether a path is the description or its page.
pub(crate) fn owns(path: &str) -> bool {
    matches!(path, "/openapi.json" | "/docs")
}

/// Mounts the description and its page.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/openapi.json", "GET").route(web::get().to(description)))
        .service(resource("/docs", "GET").route(web::get().to(page)));
}

async fn description() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.clone())
}

async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for other in ["http://", "https://", "//cdn", "src=", "@import", "url(", "innerHTML"] {
            assert!(!PAGE.contains(other), "{other}");
        }
        assert!(PAGE.contains("openapi.json"));
    }
}
