//! Answers in one piece, and errors.

use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use crate::dialect::ignored;
use crate::error::{Code, Error};

/// What Ollama says when its line is full; two spaces and all.
const BUSY: &str = "server busy, please try again.  maximum pending requests exceeded";
/// Seconds after which another try may find room in line.
const SOON: u32 = 1;

/// An error on this wire: its value is always a text.
#[derive(Serialize)]
pub(super) struct Fault<'a> {
    pub(super) error: &'a str,
}

/// A successful answer that names what had no effect.
pub(super) fn accepted(unheard: &[String]) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if !unheard.is_empty() {
        response.insert_header((ignored::IGNORED, ignored::header(unheard)));
    }
    response
}

/// One JSON object.
pub(super) fn json(response: HttpResponseBuilder, value: &impl Serialize) -> HttpResponse {
    whole(response, serde_json::to_vec(value).expect("wire types serialise"))
}

/// One JSON object as bytes.
pub(super) fn whole(mut response: HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    response.insert_header((CONTENT_TYPE, "application/json; charset=utf-8")).body(body)
}

/// An error before anything else was sent.
pub(in crate::dialect) fn failure(error: &Error) -> HttpResponse {
    let mut response = HttpResponse::build(error.code.status());
    if let Some(seconds) = error.retry_after.or((error.code == Code::Busy).then_some(SOON)) {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if error.code == Code::BodyIncomplete {
        // The rest may never come.
        response.force_close();
    }
    json(response, &Fault { error: words(error) })
}

/// The text of an error.
pub(super) fn words(error: &Error) -> &str {
    match error.code {
        Code::Busy => BUSY,
        _ => &error.message,
    }
}

/// An error about the model `name`, in the words that programs look for.
pub(super) fn about(name: &str, error: Error) -> Error {
    match error.code {
        Code::ModelNotFound => Error { message: format!("model '{name}' not found"), ..error },
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    async fn said(error: Error) -> (u16, Option<String>, String) {
        let response = failure(&error);
        let status = response.status().as_u16();
        let retry = response.headers().get(RETRY_AFTER).map(|v| v.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, retry, String::from_utf8(body.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn errors_are_texts() {
        let unknown = about("x:1b", Error::new(Code::ModelNotFound, "no model x:1b; there is x"));
        let not_found = (404, None, r#"{"error":"model 'x:1b' not found"}"#.to_owned());
        assert_eq!(said(unknown).await, not_found);
        let busy = said(Error::new(Code::Busy, "the line is full")).await;
        let text =
            r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#;
        assert_eq!(busy, (503, Some("1".to_owned()), text.to_owned()));
        let mut limited = Error::new(Code::RateLimited, "too \"many\"");
        limited.retry_after = Some(7);
        let text = r#"{"error":"too \"many\""}"#.to_owned();
        assert_eq!(said(limited).await, (429, Some("7".to_owned()), text));
    }
}
