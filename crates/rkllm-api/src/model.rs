//! What the server says of a model.

use serde::{Deserialize, Serialize};

use crate::Limits;

/// The answer of `GET /admin/models`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelList {
    /// All models, by name; those that cannot be used as well.
    pub models: Vec<Model>,
}

/// A model on disk and, if it is, in memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Model {
    /// The name that requests and answers carry; may contain slashes.
    pub name: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// `gguf` or `rkllm`; `unknown` if the model cannot be used.
    pub format: String,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// 64 hexadecimal digits that change with the file; empty if the model cannot be used.
    pub digest: String,
    /// Tokens that prompt and answer may have together, as it is or would be loaded.
    pub context: u32,
    /// What it can be asked for, as far as that is known; more is known of a model in memory.
    pub abilities: Abilities,
    /// What it can be held to and what it refuses; `None` unless it is in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Where it is between disk and memory.
    pub state: ModelState,
    /// The requests for it.
    pub queue: Queue,
}

/// What a model can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Abilities {
    /// Conversations and texts.
    pub completion: bool,
    /// Function calls.
    pub tools: bool,
    /// Thinking before the answer.
    pub thinking: bool,
    /// Text between a prefix and a suffix.
    pub insert: bool,
    /// Texts as vectors.
    pub embedding: bool,
}

/// Where a [`Model`] is between disk and memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModelState {
    /// On disk only.
    Unloaded,
    /// On its way into memory.
    Loading {
        /// Since when, in seconds since 1970-01-01 00:00 UTC.
        since: f64,
        /// When that is given up, in seconds since 1970-01-01 00:00 UTC; absent while it waits for memory or for another
        /// try. How much of the model is in memory no runtime says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<f64>,
    },
    /// In memory.
    Ready {
        /// When it is unloaded unless somebody uses it, in seconds since 1970-01-01 00:00 UTC; `None` is never, or not while it
        /// answers.
        expires: Option<f64>,
        /// Bytes of memory that its process uses.
        memory_bytes: u64,
        /// The runtime and its version.
        runtime: String,
    },
    /// It cannot be used.
    Failed {
        /// Why, in a sentence.
        reason: String,
    },
}

impl ModelState {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unloaded => "unloaded",
            Self::Loading { .. } => "loading",
            Self::Ready { .. } => "ready",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The requests for one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queue {
    /// Being answered: 0 or 1.
    pub running: u32,
    /// Waiting for their turn, or for the model to be loaded.
    pub waiting: u32,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn ready() -> Model {
        Model {
            name: "org/qwen3".into(),
            aliases: vec!["assistant".into()],
            format: "rkllm".into(),
            size_bytes: 2_000_000_000,
            digest: "ab".repeat(32),
            context: 4096,
            abilities: Abilities { completion: true, tools: true, ..Abilities::default() },
            limits: None,
            state: ModelState::Ready {
                expires: Some(1.5),
                memory_bytes: 1_900_000_000,
                runtime: "librkllmrt 1.2.3".into(),
            },
            queue: Queue { running: 1, waiting: 2 },
        }
    }

    #[test]
    fn wire_format() {
        insta::assert_json_snapshot!(ModelList { models: vec![ready()] }, @r#"
        {
          "models": [
            {
              "name": "org/qwen3",
              "aliases": [
                "assistant"
              ],
              "format": "rkllm",
              "size_bytes": 2000000000,
              "digest": "abababababababababababababababababababababababababababababababab",
              "context": 4096,
              "abilities": {
                "completion": true,
                "tools": true,
                "thinking": false,
                "insert": false,
                "embedding": false
              },
              "state": {
                "status": "ready",
                "expires": 1.5,
                "memory_bytes": 1900000000,
                "runtime": "librkllmrt 1.2.3"
              },
              "queue": {
                "running": 1,
                "waiting": 2
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn wire_format_of_each_state() {
        let states = [
            ModelState::Unloaded,
            ModelState::Loading { since: 0.5, deadline: None },
            ModelState::Loading { since: 0.5, deadline: Some(150.5) },
            ready().state,
            ModelState::Failed { reason: "it is empty".into() },
        ];
        for state in &states {
            let json = serde_json::to_value(state).unwrap();
            assert_eq!(json["status"], state.as_str());
            assert_eq!(serde_json::from_value::<ModelState>(json).unwrap(), *state);
        }
        insta::assert_snapshot!(
            serde_json::to_string(&states).unwrap(),
            @r#"[{"status":"unloaded"},{"status":"loading","since":0.5},{"status":"loading","since":0.5,"deadline":150.5},{"status":"ready","expires":1.5,"memory_bytes":1900000000,"runtime":"librkllmrt 1.2.3"},{"status":"failed","reason":"it is empty"}]"#
        );
    }

    #[test]
    fn round_trip() {
        let json = serde_json::to_string(&ready()).unwrap();
        assert_eq!(serde_json::from_str::<Model>(&json).unwrap(), ready());
    }
}
