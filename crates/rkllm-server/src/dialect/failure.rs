//! What all error responses have in common, whatever their body looks like.

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, HttpResponseBuilder};

use crate::error::{Code, Error};

/// Seconds after which a client may ask again where nobody knows better.
const AGAIN: u32 = 1;

/// A response with the error's status and headers, and still without a body.
pub(super) fn respond(error: &Error) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(error.code.status());
    let passing = matches!(error.code, Code::Busy | Code::RateLimited | Code::QueueTimeout);
    if let Some(seconds) = error.retry_after.or(passing.then_some(AGAIN)) {
        response.insert_header((RETRY_AFTER, seconds));
    }
    match error.code {
        // The rest may never come.
        Code::BodyIncomplete => response.force_close(),
        // SDKs send what fails with a 5xx again, by default twice.
        Code::InvalidOutput | Code::ModelFailed => {
            response.insert_header(("x-should-retry", "false"))
        }
        _ => &mut response,
    };
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry_after(error: &Error) -> Option<String> {
        let response = respond(error).finish();
        Some(response.headers().get(RETRY_AFTER)?.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_passes_says_when_to_come_again() {
        let busy = Error::new(Code::Busy, "full");
        assert_eq!(retry_after(&busy).as_deref(), Some("1"));
        assert_eq!(retry_after(&Error { retry_after: Some(7), ..busy }).as_deref(), Some("7"));
        assert_eq!(retry_after(&Error::invalid("no")), None);
    }

    #[test]
    fn what_would_fail_again_says_so() {
        let hopeless = |code| {
            let response = respond(&Error::new(code, "it failed")).finish();
            response.headers().contains_key("x-should-retry")
        };
        assert!(hopeless(Code::ModelFailed) && hopeless(Code::InvalidOutput));
        assert!(!hopeless(Code::RuntimeCrashed));
    }
}
