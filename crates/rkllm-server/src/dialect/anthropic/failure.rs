//! Errors in Anthropic's words.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::dialect::failure::respond;
use crate::error::{Code, Error};
use crate::http::RequestId;

/// An error as a body; inside a stream it has no request id.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    r#type: &'static str,
    error: Details<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: &'static str,
    message: &'a str,
}

impl<'a> Body<'a> {
    pub(super) fn new(code: Code, message: &'a str, request_id: Option<&'a str>) -> Self {
        Self { r#type: "error", error: Details { r#type: kind(code), message }, request_id }
    }
}

/// An error response.
pub(in crate::dialect) fn failure(request: &HttpRequest, error: &Error) -> HttpResponse {
    let id = RequestId::of(request);
    let message = message(error);
    respond(error).json(Body::new(error.code, &message, Some(id.as_str())))
}

/// Anthropic's name for what went wrong.
fn kind(code: Code) -> &'static str {
    match code {
        Code::InvalidRequest
        | Code::ContextLengthExceeded
        | Code::Unsupported
        | Code::MethodNotAllowed
        | Code::BodyIncomplete
        | Code::UnsupportedEncoding => "invalid_request_error",
        Code::Unauthorized => "authentication_error",
        Code::Forbidden => "permission_error",
        Code::ModelNotFound | Code::NotFound => "not_found_error",
        Code::BodyTooLarge => "request_too_large",
        Code::RateLimited => "rate_limit_error",
        Code::Busy | Code::QueueTimeout | Code::ShuttingDown => "overloaded_error",
        Code::RuntimeHung => "timeout_error",
        Code::ModelFailed
        | Code::InferenceFailed
        | Code::RuntimeCrashed
        | Code::InvalidOutput
        | Code::DownloadFailed
        | Code::StorageFailed => "api_error",
    }
}

/// The message with this dialect's names of fields, and with the words by which clients recognise
/// that they have to shorten the conversation.
pub(super) fn message(error: &Error) -> String {
    let message = &error.message;
    if error.code == Code::ContextLengthExceeded {
        return match tokens(message).as_slice() {
            [limit, prompt, ..] => format!("prompt is too long: {prompt} tokens > {limit} maximum"),
            _ => format!("prompt is too long: {message}"),
        };
    }
    for (ours, theirs) in [("max_new_tokens ", "max_tokens "), ("stop[", "stop_sequences[")] {
        if let Some(rest) = message.strip_prefix(ours) {
            return format!("{theirs}{rest}");
        }
    }
    match message.strip_prefix("stop: ") {
        Some(rest) => format!("stop_sequences: {rest}"),
        None => message.clone(),
    }
}

/// The numbers that stand before the word `tokens`.
fn tokens(message: &str) -> Vec<u64> {
    let words: Vec<_> = message.split([' ', ',', ';', '.']).collect();
    let counts = words.windows(2).filter(|pair| pair[1] == "tokens");
    counts.filter_map(|pair| pair[0].parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::header::RETRY_AFTER;
    use actix_web::test::TestRequest;
    use serde_json::Value;

    use super::*;

    #[test]
    fn overflow_is_said_in_the_words_that_clients_look_for() {
        let error = Error::new(
            Code::ContextLengthExceeded,
            "This model's maximum context length is 4096 tokens. However, the prompt has 6010 tokens; \
             shorten the prompt",
        );
        assert_eq!(message(&error), "prompt is too long: 6010 tokens > 4096 maximum");
        let error = Error::new(Code::ContextLengthExceeded, "the prompt has 9 bytes");
        assert_eq!(message(&error), "prompt is too long: the prompt has 9 bytes");
    }

    #[test]
    fn fields_have_the_names_of_this_dialect() {
        let said = |text: &str| message(&Error::invalid(text));
        assert_eq!(said("max_new_tokens is 0; send 1"), "max_tokens is 0; send 1");
        assert_eq!(said("stop[1] has 2000 bytes"), "stop_sequences[1] has 2000 bytes");
        assert_eq!(said("stop: a stop string is empty"), "stop_sequences: a stop string is empty");
        assert_eq!(said("top_k is -1"), "top_k is -1");
    }

    #[actix_web::test]
    async fn a_failure_has_status_type_and_request_id() {
        let request = TestRequest::default().to_http_request();
        for (code, status, kind) in [
            (Code::InvalidRequest, 400, "invalid_request_error"),
            (Code::Unauthorized, 401, "authentication_error"),
            (Code::Forbidden, 403, "permission_error"),
            (Code::ModelNotFound, 404, "not_found_error"),
            (Code::BodyTooLarge, 413, "request_too_large"),
            (Code::RateLimited, 429, "rate_limit_error"),
            (Code::InferenceFailed, 500, "api_error"),
            (Code::Busy, 503, "overloaded_error"),
            (Code::RuntimeHung, 504, "timeout_error"),
        ] {
            let response = failure(&request, &Error::new(code, "it failed"));
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), [429, 503].contains(&status));
            let body = to_bytes(response.into_body()).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["type"], "error");
            assert_eq!(body["error"]["type"], kind);
            assert_eq!(body["error"]["message"], "it failed");
            assert!(body["request_id"].as_str().unwrap().starts_with("req_"));
        }
    }
}
