//! The models of this server in Anthropic's words.

use std::time::UNIX_EPOCH;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;

use super::failure;
use crate::app::State;
use crate::registry::ModelInfo;

/// All models at once: there are never more pages.
#[derive(Serialize)]
struct List {
    data: Vec<Model>,
    has_more: bool,
    first_id: Option<String>,
    last_id: Option<String>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    r#type: &'static str,
    display_name: String,
    created_at: String,
    lifecycle: &'static str,
    max_input_tokens: u32,
    max_tokens: u32,
}

/// `GET /v1/models`.
pub(super) async fn list(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(wire(state.registry.models().await))
}

/// `GET /v1/models/{id}`.
pub(super) async fn one(
    state: Data<State>,
    id: Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    match state.registry.model(Some(&id)).await {
        Ok(info) => HttpResponse::Ok().json(Model::from(info)),
        Err(error) => failure(&request, &error),
    }
}

fn wire(models: Vec<ModelInfo>) -> List {
    let models = models.into_iter().filter(ModelInfo::readable);
    let data: Vec<_> = models.map(Model::from).collect();
    List {
        first_id: data.first().map(|model| model.id.clone()),
        last_id: data.last().map(|model| model.id.clone()),
        data,
        has_more: false,
    }
}

impl From<ModelInfo> for Model {
    fn from(info: ModelInfo) -> Self {
        // Files from before 1970 count as from then.
        let seconds = info.modified.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let created = i64::try_from(seconds).ok().and_then(|s| Timestamp::from_second(s).ok());
        Self {
            display_name: info.name.clone(),
            id: info.name,
            r#type: "model",
            created_at: created.unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
            lifecycle: "active",
            max_input_tokens: info.context,
            max_tokens: info.context,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::generate::Tuning;
    use crate::registry::{Abilities, ModelState};

    fn info(name: &str) -> ModelInfo {
        ModelInfo {
            name: name.to_owned(),
            aliases: Vec::new(),
            format: "gguf",
            size_bytes: 1,
            modified: UNIX_EPOCH + Duration::from_millis(1_700_000_000_500),
            digest: "0".repeat(64),
            architecture: String::new(),
            parameter_size: String::new(),
            quantization: String::new(),
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
    fn a_list_is_one_page() {
        insta::assert_json_snapshot!(wire(vec![info("org/a"), info("b")]));
        insta::assert_json_snapshot!(wire(vec![ModelInfo { digest: String::new(), ..info("broken") }]), @r#"
        {
          "data": [],
          "has_more": false,
          "first_id": null,
          "last_id": null
        }
        "#);
    }
}
