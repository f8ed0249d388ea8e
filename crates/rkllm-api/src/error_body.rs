//! The one shape of every failure.

use serde::{Deserialize, Serialize};

/// A failure: the body of a response with an error status, or the last event of a stream that broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// A sentence for people: what happened and what to change.
    pub error: String,
    /// Always `error`.
    pub status: ErrorStatus,
    /// A stable name for programs, in snake_case, such as `invalid_request` or `busy`.
    pub code: String,
}

impl ErrorBody {
    /// A failure with the stable name `code` and the sentence `error`.
    pub fn new(code: impl Into<String>, error: impl Into<String>) -> Self {
        Self { error: error.into(), status: ErrorStatus::Error, code: code.into() }
    }
}

/// The word in [`ErrorBody::status`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorStatus {
    /// `error`
    #[default]
    Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_format() {
        let body = ErrorBody::new("busy", "the waiting line is full; try again in 2 seconds");
        insta::assert_json_snapshot!(body, @r#"
        {
          "error": "the waiting line is full; try again in 2 seconds",
          "status": "error",
          "code": "busy"
        }
        "#);
    }

    #[test]
    fn another_status_is_no_error_body() {
        let json = r#"{"error": "x", "status": "success", "code": "busy"}"#;
        let error = serde_json::from_str::<ErrorBody>(json).unwrap_err().to_string();
        assert!(error.contains("unknown variant `success`, expected `error`"), "{error}");
    }
}
