//! `GET /api/tags`, all models, and `GET /api/ps`, those in memory.

use std::cmp::Reverse;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;

use super::details::{Details, capabilities, tagged};
use super::reply;
use super::time::Time;
use crate::app::State;
use crate::registry::{ModelInfo, ModelState};

#[derive(Serialize)]
struct Models<T> {
    models: Vec<T>,
}

#[derive(Serialize)]
struct Tag<'a> {
    name: String,
    model: String,
    modified_at: Time,
    size: u64,
    digest: &'a str,
    details: Details<'a>,
    capabilities: Vec<&'static str>,
}

#[derive(Serialize)]
struct Running<'a> {
    name: String,
    model: String,
    size: u64,
    digest: &'a str,
    details: Details<'a>,
    expires_at: Time,
    size_vram: u64,
    context_length: u32,
}

pub(super) async fn tags(state: Data<State>) -> HttpResponse {
    let models = state.registry.models().await;
    reply::json(HttpResponse::Ok(), &all(&models))
}

pub(super) async fn ps(state: Data<State>) -> HttpResponse {
    let models = state.registry.models().await;
    reply::json(HttpResponse::Ok(), &running(&models))
}

/// All models that can be read, newest first.
fn all(models: &[ModelInfo]) -> Models<Tag<'_>> {
    let mut models: Vec<&ModelInfo> = models.iter().filter(|model| model.readable()).collect();
    models.sort_by_key(|model| Reverse(model.modified));
    Models { models: models.into_iter().map(tag).collect() }
}

fn tag(model: &ModelInfo) -> Tag<'_> {
    Tag {
        name: tagged(&model.name),
        model: tagged(&model.name),
        modified_at: model.modified.into(),
        size: model.size_bytes,
        digest: &model.digest,
        details: model.into(),
        capabilities: capabilities(model.abilities),
    }
}

fn running(models: &[ModelInfo]) -> Models<Running<'_>> {
    Models { models: models.iter().filter_map(in_memory).collect() }
}

fn in_memory(model: &ModelInfo) -> Option<Running<'_>> {
    let ModelState::Ready { expires, memory, .. } = &model.state else { return None };
    Some(Running {
        name: tagged(&model.name),
        model: tagged(&model.name),
        size: *memory,
        digest: &model.digest,
        details: model.into(),
        expires_at: expires.map_or_else(Time::never, Time::from),
        // The NPU's memory is the system's.
        size_vram: *memory,
        context_length: model.context,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::details::example;
    use super::*;

    #[test]
    fn the_newest_model_comes_first() {
        let old = ModelInfo { name: "old".into(), ..example() };
        let new = ModelInfo { modified: old.modified + Duration::from_secs(1), ..example() };
        insta::assert_json_snapshot!(all(&[old, new]), @r#"
        {
          "models": [
            {
              "name": "qwen3-0.6b:latest",
              "model": "qwen3-0.6b:latest",
              "modified_at": "2026-01-02T03:04:06.123000000Z",
              "size": 943718400,
              "digest": "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
              "details": {
                "parent_model": "",
                "format": "rkllm",
                "family": "qwen3",
                "families": [
                  "qwen3"
                ],
                "parameter_size": "0.6B",
                "quantization_level": "w8a8"
              },
              "capabilities": [
                "completion",
                "tools",
                "thinking"
              ]
            },
            {
              "name": "old:latest",
              "model": "old:latest",
              "modified_at": "2026-01-02T03:04:05.123000000Z",
              "size": 943718400,
              "digest": "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
              "details": {
                "parent_model": "",
                "format": "rkllm",
                "family": "qwen3",
                "families": [
                  "qwen3"
                ],
                "parameter_size": "0.6B",
                "quantization_level": "w8a8"
              },
              "capabilities": [
                "completion",
                "tools",
                "thinking"
              ]
            }
          ]
        }
        "#);
        let broken = ModelInfo { digest: String::new(), ..example() };
        assert_eq!(serde_json::to_string(&all(&[broken])).unwrap(), r#"{"models":[]}"#);
    }

    #[test]
    fn only_models_in_memory_are_running() {
        let ready =
            |expires| ModelState::Ready { expires, memory: 1_200_000_000, runtime: "1.2.3".into() };
        let soon = example().modified + Duration::from_secs(300);
        let models = [
            example(),
            ModelInfo { state: ready(Some(soon)), ..example() },
            ModelInfo { state: ready(None), ..example() },
        ];
        let running = running(&models);
        assert_eq!(running.models.len(), 2);
        assert!(running.models[1].expires_at.to_string().starts_with("2318-"));
        insta::assert_json_snapshot!(running.models[0], @r#"
        {
          "name": "qwen3-0.6b:latest",
          "model": "qwen3-0.6b:latest",
          "size": 1200000000,
          "digest": "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
          "details": {
            "parent_model": "",
            "format": "rkllm",
            "family": "qwen3",
            "families": [
              "qwen3"
            ],
            "parameter_size": "0.6B",
            "quantization_level": "w8a8"
          },
          "expires_at": "2026-01-02T03:09:05.123000000Z",
          "size_vram": 1200000000,
          "context_length": 4096
        }
        "#);
    }
}
