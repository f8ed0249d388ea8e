//! Errors in OpenAI's shape.

use actix_web::HttpResponse;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

pub(super) use crate::dialect::refusal::{invalid, unsupported};
use crate::error::{Code, Error};

/// The field that names the answer before.
pub(super) const PREVIOUS: &str = "previous_response_id";

/// An error as it stands in a body or in a stream.
#[derive(Serialize)]
pub(super) struct ErrorBody<'a> {
    error: Inner<'a>,
}

/// All four keys are always there: clients read them without asking.
#[derive(Serialize)]
struct Inner<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

impl<'a> ErrorBody<'a> {
    pub(super) fn new(error: &'a Error) -> Self {
        let param = error.param.as_deref();
        let (r#type, code) = (kind(error.code), code(error));
        Self { error: Inner { message: &error.message, r#type, param, code } }
    }
}

/// An error as an answer.
pub(crate) fn failure(error: &Error) -> HttpResponse {
    let mut response = HttpResponse::build(error.code.status());
    let default = (error.code == Code::Busy).then_some(1);
    if let Some(seconds) = error.retry_after.or(default) {
        response.insert_header((RETRY_AFTER, seconds));
    }
    match error.code {
        // The rest may never come.
        Code::BodyIncomplete => response.force_close(),
        Code::Unauthorized => response.insert_header((WWW_AUTHENTICATE, "Bearer")),
        // SDKs send what fails with a 5xx again, by default twice.
        Code::InvalidOutput | Code::ModelFailed => {
            response.insert_header(("x-should-retry", "false"))
        }
        _ => &mut response,
    };
    response.json(ErrorBody::new(error))
}

/// Names the field at fault where only the endpoint knows it: `prompt` is what its prompt is in.
pub(super) fn about(prompt: &str) -> impl Fn(Error) -> Error + '_ {
    move |mut error| {
        let param = match error.code {
            Code::ModelNotFound => "model",
            Code::ContextLengthExceeded => prompt,
            _ => return error,
        };
        error.param.get_or_insert_with(|| param.to_owned());
        error
    }
}

fn kind(code: Code) -> &'static str {
    match code.status().as_u16() {
        403 => "permission_error",
        429 => "rate_limit_error",
        400..500 => "invalid_request_error",
        _ => "server_error",
    }
}

/// The code that clients of OpenAI know, where there is one.
fn code(error: &Error) -> Option<&'static str> {
    Some(match error.code {
        Code::InvalidRequest => return None,
        Code::NotFound if error.param.as_deref() == Some(PREVIOUS) => "previous_response_not_found",
        Code::NotFound if error.param.is_some() => "not_found",
        Code::Unsupported => "unsupported_value",
        Code::Unauthorized => "invalid_api_key",
        Code::NotFound => "unknown_url",
        Code::MethodNotAllowed => "method_not_supported",
        Code::BodyTooLarge => "request_too_large",
        Code::RateLimited => "rate_limit_exceeded",
        Code::InferenceFailed => "internal_error",
        code => code.name(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(error: &Error) -> String {
        serde_json::to_string(&ErrorBody::new(error)).unwrap()
    }

    #[test]
    fn the_four_keys_are_always_there() {
        insta::assert_snapshot!(
            body(&Error::invalid("x")),
            @r#"{"error":{"message":"x","type":"invalid_request_error","param":null,"code":null}}"#
        );
        let error = about("messages")(Error::new(Code::ContextLengthExceeded, "long"));
        insta::assert_snapshot!(
            body(&error),
            @r#"{"error":{"message":"long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#
        );
        let error = about("prompt")(Error::new(Code::ModelNotFound, "none"));
        insta::assert_snapshot!(
            body(&error),
            @r#"{"error":{"message":"none","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
        );
        insta::assert_snapshot!(
            body(&Error::new(Code::InferenceFailed, "broken")),
            @r#"{"error":{"message":"broken","type":"server_error","param":null,"code":"internal_error"}}"#
        );
        insta::assert_snapshot!(
            body(&Error::new(Code::RateLimited, "slow down")),
            @r#"{"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#
        );
        insta::assert_snapshot!(
            body(&Error::new(Code::Forbidden, "not from here")),
            @r#"{"error":{"message":"not from here","type":"permission_error","param":null,"code":"forbidden"}}"#
        );
    }

    #[test]
    fn what_is_not_there_is_a_path_or_what_a_field_names() {
        let missing = |param: Option<&str>| {
            let param = param.map(str::to_owned);
            code(&Error { param, ..Error::new(Code::NotFound, "none") })
        };
        assert_eq!(missing(None), Some("unknown_url"));
        assert_eq!(missing(Some(PREVIOUS)), Some("previous_response_not_found"));
        assert_eq!(missing(Some("id")), Some("not_found"));
    }

    #[test]
    fn a_field_that_is_named_stays_named() {
        let error = about("messages")(Error {
            param: Some("prompt".into()),
            ..Error::new(Code::ContextLengthExceeded, "long")
        });
        assert_eq!(error.param.as_deref(), Some("prompt"));
        assert_eq!(about("messages")(Error::invalid("x")).param, None);
    }

    #[test]
    fn headers_tell_whether_and_when_to_try_again() {
        let header = |error: &Error, name: &str| {
            let response = failure(error);
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let busy = Error::new(Code::Busy, "full");
        assert_eq!(header(&busy, "retry-after").as_deref(), Some("1"));
        let loading = Error { retry_after: Some(20), ..Error::new(Code::QueueTimeout, "wait") };
        assert_eq!(header(&loading, "retry-after").as_deref(), Some("20"));
        assert_eq!(header(&loading, "x-should-retry"), None);
        let closing = Error::shutting_down("the server is shutting down");
        assert_eq!(header(&closing, "retry-after").as_deref(), Some("5"));
        let broken = Error::new(Code::InvalidOutput, "no JSON");
        assert_eq!(header(&broken, "x-should-retry").as_deref(), Some("false"));
        let key = Error::new(Code::Unauthorized, "no key");
        assert_eq!(header(&key, "www-authenticate").as_deref(), Some("Bearer"));
    }
}
