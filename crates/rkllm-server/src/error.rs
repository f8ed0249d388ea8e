//! The one table of errors that a request can end with. Dialects only dress them.

use actix_web::http::StatusCode;

/// What went wrong, in one word that programs can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The request cannot be understood or asks for something out of range.
    InvalidRequest,
    /// The prompt does not fit the model's context.
    ContextLengthExceeded,
    /// No such path.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is larger than the server takes.
    BodyTooLarge,
    /// The body did not arrive in time or broke off.
    BodyIncomplete,
    /// The body is compressed or UTF-16.
    UnsupportedEncoding,
    /// The line of waiting requests is full.
    Busy,
    /// The server is going down.
    ShuttingDown,
    /// The runtime failed.
    InferenceFailed,
}

impl Code {
    /// HTTP status and wire name.
    const fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::ContextLengthExceeded => (StatusCode::BAD_REQUEST, "context_length_exceeded"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::BodyIncomplete => (StatusCode::REQUEST_TIMEOUT, "body_incomplete"),
            Self::UnsupportedEncoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            Self::InferenceFailed => (StatusCode::INTERNAL_SERVER_ERROR, "inference_failed"),
        }
    }

    /// The HTTP status that says it.
    pub(crate) const fn status(self) -> StatusCode {
        self.row().0
    }

    /// The name that stands in the answer.
    pub(crate) const fn name(self) -> &'static str {
        self.row().1
    }
}

/// Why a request failed: the code for programs, the message for people.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// What went wrong.
    pub(crate) code: Code,
    /// What happened, where, and what to do next. Holds no text of a chat.
    pub(crate) message: String,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }
}
