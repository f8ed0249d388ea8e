//! `POST /api/copy` and `DELETE /api/delete`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::{common, named, reply};
use crate::app::State;
use crate::dialect::body;
use crate::error::Error;

#[derive(Deserialize)]
struct Copy {
    source: Option<String>,
    destination: Option<String>,
}

#[derive(Deserialize)]
struct Delete {
    model: Option<String>,
    name: Option<String>,
}

pub(super) async fn copy(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let answered = async {
        let body = body::read(&request, payload).await?;
        let example = r#"{"source": "name", "destination": "other-name"}"#;
        let (body, ignored) = common::parse::<Copy>(&body, example)?;
        let store = state.hub.store()?;
        let source = named::required(body.source)?;
        let destination = named::required(body.destination)?;
        let model = state.registry.model(Some(&source)).await;
        let model = model.map_err(|error| reply::about(&source, error))?;
        store.copy(&model.name, &destination).await?;
        state.registry.rescan().await;
        Ok(reply::accepted(&ignored).finish())
    };
    answered.await.unwrap_or_else(|error: Error| reply::failure(&error))
}

pub(super) async fn delete(
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let answered = async {
        let body = body::read(&request, payload).await?;
        let (body, ignored) = common::parse::<Delete>(&body, r#"{"model": "name"}"#)?;
        let store = state.hub.store()?;
        let name = named::either(body.model, body.name)?;
        let model = state.registry.model(Some(&name)).await;
        let model = model.map_err(|error| reply::about(&name, error))?;
        store.delete(&model.name).await?;
        // This also takes the model out of memory.
        state.registry.rescan().await;
        Ok(reply::accepted(&ignored).finish())
    };
    answered.await.unwrap_or_else(|error: Error| reply::failure(&error))
}
