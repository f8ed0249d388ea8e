//! The answer of `GET /health`.

use serde::{Deserialize, Serialize};

/// Whether the server can answer requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// `healthy` when requests are served; any other word says what is wrong.
    pub status: String,
    /// Whether a model is in memory, so that the next request does not wait for loading.
    pub model_loaded: bool,
    /// The server's clock, in seconds since 1970-01-01 00:00 UTC.
    pub timestamp: f64,
}

impl Health {
    /// The [`status`](Self::status) of a server that serves requests.
    pub const HEALTHY: &str = "healthy";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_format() {
        let health = Health { status: Health::HEALTHY.into(), model_loaded: true, timestamp: 1.5 };
        insta::assert_json_snapshot!(health, @r#"
        {
          "status": "healthy",
          "model_loaded": true,
          "timestamp": 1.5
        }
        "#);
    }
}
