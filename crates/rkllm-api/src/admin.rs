//! What is asked for and answered under `/admin`, apart from models.

use serde::{Deserialize, Serialize};

use crate::{KeepAlive, Model};

/// Body of `POST /admin/models/{name}/load`; may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoadRequest {
    /// How long the model stays in memory after its last request; `None` as the server's settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<KeepAlive>,
}

/// The answer of `POST /admin/models/{name}/load`, once the model is in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Loaded {
    /// Milliseconds that it took; next to none if the model was in memory already.
    pub load_ms: f64,
    /// The model.
    pub model: Model,
}

/// The answer of `POST /admin/rescan`: names of models that are not as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rescanned {
    /// Models that were not there.
    pub added: Vec<String>,
    /// Models whose file, settings or names are different.
    pub changed: Vec<String>,
    /// Models that are gone, or cannot be used any more.
    pub removed: Vec<String>,
    /// What looks like a model and cannot be used, and was not there or had another reason; the list of models says why.
    pub broken: Vec<String>,
}

/// The answer of `GET /admin/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerStatus {
    /// The server's version.
    pub version: String,
    /// Seconds since it was started.
    pub uptime_seconds: f64,
    /// Whether requests are taken.
    pub ready: bool,
    /// Why not; absent while they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Models that requests can name, or could if they were not broken.
    pub models: u32,
    /// Models in memory.
    pub loaded: u32,
    /// Bytes of memory that the processes of models use.
    pub memory_bytes: u64,
    /// Requests that are being answered.
    pub running: u32,
    /// Requests that wait for their turn, or for their model to be loaded.
    pub waiting: u32,
    /// What was done since the start.
    pub totals: Totals,
}

/// What a server has done since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Totals {
    /// Complete answers.
    pub answers: u64,
    /// Answers that were not completed.
    pub failures: u64,
    /// Tokens of the prompts of complete answers, cached ones included.
    pub prompt_tokens: u64,
    /// Those of them that were still in the KV cache and were not evaluated again.
    pub cached_tokens: u64,
    /// Tokens that models produced for complete answers.
    pub completion_tokens: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::ready;
    use serde_json::{from_str, json, to_string, to_value};

    #[test]
    fn wire_format_of_loading() {
        let request = LoadRequest { keep_alive: Some(KeepAlive::Text("1h".into())) };
        assert_eq!(to_string(&request).unwrap(), r#"{"keep_alive":"1h"}"#);
        assert_eq!(to_string(&LoadRequest::default()).unwrap(), "{}");
        for nothing in ["{}", r#"{"keep_alive": null}"#] {
            assert_eq!(from_str::<LoadRequest>(nothing).unwrap(), LoadRequest::default());
        }
        let loaded = Loaded { load_ms: 812.5, model: ready() };
        let json = to_value(&loaded).unwrap();
        assert_eq!(json["load_ms"], 812.5);
        assert_eq!(json["model"], to_value(ready()).unwrap());
    }

    #[test]
    fn wire_format_of_status() {
        let status = ServerStatus {
            version: "0.1.0".into(),
            uptime_seconds: 12.5,
            ready: false,
            reason: Some("the model is being loaded".into()),
            models: 3,
            loaded: 1,
            memory_bytes: 1_900_000_000,
            running: 1,
            waiting: 2,
            totals: Totals { answers: 7, failures: 1, ..Totals::default() },
        };
        insta::assert_json_snapshot!(status, @r#"
        {
          "version": "0.1.0",
          "uptime_seconds": 12.5,
          "ready": false,
          "reason": "the model is being loaded",
          "models": 3,
          "loaded": 1,
          "memory_bytes": 1900000000,
          "running": 1,
          "waiting": 2,
          "totals": {
            "answers": 7,
            "failures": 1,
            "prompt_tokens": 0,
            "cached_tokens": 0,
            "completion_tokens": 0
          }
        }
        "#);
        let ready = ServerStatus { reason: None, ..status };
        assert_eq!(to_value(ready).unwrap().get("reason"), None);
    }

    #[test]
    fn wire_format_of_a_rescan() {
        let json = json!({"added": ["a"], "changed": [], "removed": ["org/b"], "broken": []});
        let rescanned: Rescanned = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(rescanned.removed, ["org/b"]);
        assert_eq!(to_value(rescanned).unwrap(), json);
    }
}
