//! The name of one request: in its answer, in log lines, in error bodies.

use std::fmt;
use std::rc::Rc;

use actix_web::HttpMessage;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::dialect;

/// The header under which clients send their own name for a request, and read ours.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The name that Anthropic's clients read it by.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Longest name in bytes that is taken from a client.
const MAX: usize = 128;

/// A request's name: the client's own if that is fit for a log line, else a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(Rc<str>);

impl RequestId {
    /// The name that the headers give, or a new one.
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
        match given.filter(|given| is_sane(given)) {
            Some(given) => Self(given.into()),
            None => Self(dialect::id("req_").into()),
        }
    }

    /// The name of a request that came through the middleware; a new one elsewhere.
    pub(crate) fn of(request: &impl HttpMessage) -> Self {
        let given = request.extensions().get::<Self>().cloned();
        given.unwrap_or_else(|| Self(dialect::id("req_").into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("sane and new names are printable ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_sane(given: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(&byte);
    (1..=MAX).contains(&given.len()) && given.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_str(given).unwrap());
        RequestId::new(&headers).to_string()
    }

    #[test]
    fn a_sane_name_is_kept_and_another_one_replaced() {
        assert_eq!(id("7f0c-11:a/b=."), "7f0c-11:a/b=.");
        let long = "x".repeat(129);
        for given in ["", "two words", "a\"b", &long] {
            let id = id(given);
            assert!(id.starts_with("req_") && id.len() == 28, "{id}");
        }
    }
}
