//! The one table of errors that a request can end with. Dialects only dress them.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};

/// What went wrong, in one word that programs can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Code {
    /// The request cannot be understood or asks for something out of range.
    InvalidRequest,
    /// The prompt does not fit the model's context.
    ContextLengthExceeded,
    /// The request asks for something that this server, model or runtime cannot do at all.
    Unsupported,
    /// The key is missing or wrong.
    Unauthorized,
    /// The request comes from a page, or for a name, that may not use this server.
    Forbidden,
    /// No such model.
    ModelNotFound,
    /// No such path, or nothing of that name.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is larger than the server takes.
    BodyTooLarge,
    /// The body did not arrive in time or broke off.
    BodyIncomplete,
    /// The body is compressed in an unknown way, or UTF-16.
    UnsupportedEncoding,
    /// The line of waiting requests is full.
    Busy,
    /// The client sends more requests than it may.
    RateLimited,
    /// The model cannot be loaded, or its runtime crashed too often.
    ModelFailed,
    /// The server is going down.
    ShuttingDown,
    /// The runtime failed.
    InferenceFailed,
    /// The runtime crashed.
    RuntimeCrashed,
    /// The runtime did not go on in time.
    RuntimeHung,
    /// The request waited too long for its turn.
    QueueTimeout,
    /// The model's answer is not of the format that was asked for.
    InvalidOutput,
    /// A model cannot be fetched from the hub.
    DownloadFailed,
    /// A file of the models directory cannot be read or written.
    StorageFailed,
}

impl Code {
    /// HTTP status and wire name.
    const fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::ContextLengthExceeded => (StatusCode::BAD_REQUEST, "context_length_exceeded"),
            Self::Unsupported => (StatusCode::BAD_REQUEST, "unsupported"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::ModelNotFound => (StatusCode::NOT_FOUND, "model_not_found"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::BodyIncomplete => (StatusCode::REQUEST_TIMEOUT, "body_incomplete"),
            Self::UnsupportedEncoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::ModelFailed => (StatusCode::SERVICE_UNAVAILABLE, "model_failed"),
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
            Self::InferenceFailed => (StatusCode::INTERNAL_SERVER_ERROR, "inference_failed"),
            Self::RuntimeCrashed => (StatusCode::INTERNAL_SERVER_ERROR, "runtime_crashed"),
            Self::RuntimeHung => (StatusCode::GATEWAY_TIMEOUT, "runtime_hung"),
            Self::QueueTimeout => (StatusCode::SERVICE_UNAVAILABLE, "queue_timeout"),
            Self::InvalidOutput => (StatusCode::INTERNAL_SERVER_ERROR, "invalid_output"),
            Self::DownloadFailed => (StatusCode::INTERNAL_SERVER_ERROR, "download_failed"),
            Self::StorageFailed => (StatusCode::INTERNAL_SERVER_ERROR, "storage_failed"),
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// What went wrong.
    pub(crate) code: Code,
    /// What happened, where, and what to do next. Holds no text of a chat.
    pub(crate) message: String,
    /// Seconds after which another try may succeed.
    pub(crate) retry_after: Option<u32>,
    /// The field of the request that is at fault, by its name on the wire.
    pub(crate) param: Option<String>,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, param: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }

    /// The server or the model goes down; whatever follows it takes a moment to start.
    pub(crate) fn shutting_down(message: impl Into<String>) -> Self {
        Self { retry_after: Some(5), ..Self::new(Code::ShuttingDown, message) }
    }
}
