//! `GET /v1/models` and `GET /v1/models/{id}`.

use actix_web::HttpResponse;
use serde::Serialize;

use super::error::about;
use super::wire::seconds;
use crate::app::State;
use crate::error::Error;
use crate::registry::ModelInfo;

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    /// Tokens that prompt and answer may have together, under the two names that clients look for.
    context_length: u32,
    max_model_len: u32,
}

impl From<ModelInfo> for Model {
    fn from(info: ModelInfo) -> Self {
        Self {
            id: info.name,
            object: "model",
            created: seconds(info.modified),
            owned_by: "library",
            context_length: info.context,
            max_model_len: info.context,
        }
    }
}

/// All models that can be read.
pub(super) async fn list(state: &State) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::Ok().json(wire(state.registry.models().await)))
}

fn wire(models: Vec<ModelInfo>) -> List {
    let data = models.into_iter().filter(ModelInfo::readable).map(Model::from).collect();
    List { object: "list", data }
}

/// One model. Names may contain slashes, so one at the end may belong to the path.
pub(super) async fn one(state: &State, id: &str) -> Result<HttpResponse, Error> {
    let id = id.strip_suffix('/').unwrap_or(id);
    let info = state.registry.model(Some(id)).await.map_err(about("model"))?;
    Ok(HttpResponse::Ok().json(Model::from(info)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::generate::Tuning;
    use crate::registry::{Abilities, ModelState};

    fn info(name: &str) -> ModelInfo {
        ModelInfo {
            name: name.to_owned(),
            aliases: Vec::new(),
            format: "gguf",
            size_bytes: 1,
            modified: UNIX_EPOCH + Duration::from_millis(1_760_000_000_900),
            digest: "0".repeat(64),
            architecture: "llama".to_owned(),
            parameter_size: "135M".to_owned(),
            quantization: "Q4_1".to_owned(),
            context: 4096,
            embedding_length: None,
            abilities: Abilities::default(),
            limits: None,
            template: None,
            system: None,
            defaults: Tuning::default(),
            state: ModelState::Unloaded,
        }
    }

    #[test]
    fn models_are_listed_and_no_models_are_an_empty_list() {
        let list = |infos: Vec<ModelInfo>| serde_json::to_string(&wire(infos)).unwrap();
        insta::assert_snapshot!(list(vec![info("org/smol:135m")]), @r#"{"object":"list","data":[{"id":"org/smol:135m","object":"model","created":1760000000,"owned_by":"library","context_length":4096,"max_model_len":4096}]}"#);
        let broken = ModelInfo { digest: String::new(), ..info("broken") };
        insta::assert_snapshot!(list(vec![broken]), @r#"{"object":"list","data":[]}"#);
    }
}
