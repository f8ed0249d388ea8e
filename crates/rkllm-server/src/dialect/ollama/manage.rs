//! `POST /api/copy` and `DELETE /api/delete`.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use serde::Deserialize;

use super::{common, named, reply};
use crate::app::State;
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

pub(super) async fn copy(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let example = r#"{"source": "name", "destination": "other-name"}"#;
    let (body, ignored) = common::parse::<Copy>(&body, example)?;
    let store = state.hub.store()?;
    let source = named::required(body.source)?;
    let destination = named::required(body.destination)?;
    let model = state.registry.to_change(&source).await;
    let model = model.map_err(|error| reply::about(&source, error))?;
    store.copy(&model, &destination).await?;
    state.registry.rescan().await;
    Ok(reply::accepted(&ignored).finish())
}

pub(super) async fn delete(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let (body, ignored) = common::parse::<Delete>(&body, r#"{"model": "name"}"#)?;
    let store = state.hub.store()?;
    let name = named::either(body.model, body.name)?;
    let model = state.registry.to_change(&name).await;
    let model = model.map_err(|error| reply::about(&name, error))?;
    store.delete(&model).await?;
    // This also takes the model out of memory.
    state.registry.rescan().await;
    Ok(reply::accepted(&ignored).finish())
}
