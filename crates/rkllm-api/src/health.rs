//! What is asked by whatever watches over the server.

use serde::{Deserialize, Serialize};

/// The answer of `GET /health`: whether the server can answer requests.
///
/// With HTTP status 200 it is [`HEALTHY`](Self::HEALTHY), with 503 [`UNHEALTHY`](Self::UNHEALTHY).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `healthy` when requests are served, also those that wait for the model to be loaded; any other word says that they are not.
    pub status: String,
    /// Whether a model is in memory, so that the next request does not wait for loading.
    pub model_loaded: bool,
    /// The server's clock, in seconds since 1970-01-01 00:00 UTC.
    pub timestamp: f64,
    /// Why the server is not healthy; absent while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Health {
    /// The [`status`](Self::status) of a server that serves requests.
    pub const HEALTHY: &str = "healthy";
    /// The [`status`](Self::status) of a server whose model has failed, or that is going down.
    pub const UNHEALTHY: &str = "unhealthy";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_format() {
        let healthy = Health {
            status: Health::HEALTHY.into(),
            model_loaded: true,
            timestamp: 1.5,
            reason: None,
        };
        insta::assert_json_snapshot!(healthy, @r#"
        {
          "status": "healthy",
          "model_loaded": true,
          "timestamp": 1.5
        }
        "#);
        let status = Health::UNHEALTHY.into();
        let reason = Some("the server is shutting down".into());
        let unhealthy = Health { status, model_loaded: false, reason, ..healthy };
        insta::assert_json_snapshot!(unhealthy, @r#"
        {
          "status": "unhealthy",
          "model_loaded": false,
          "timestamp": 1.5,
          "reason": "the server is shutting down"
        }
        "#);
    }
}
