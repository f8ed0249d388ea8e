//! `POST /api/pull`: a model from the hub.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use serde::Deserialize;

use super::progress::{self, SUCCESS, Status};
use super::{common, named, reply};
use crate::app::State;
use crate::error::Error;

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    name: Option<String>,
    stream: Option<bool>,
}

pub(super) async fn pull(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let example = r#"{"model": "hf.co/ORG/REPO:QUANTIZATION"}"#;
    let (body, ignored) = common::parse::<Body>(&body, example)?;
    let name = named::either(body.model, body.name)?;
    // Programs pull before every use; what is there is not asked for on the hub.
    let pulling = match state.registry.to_change(&name).await {
        Ok(_) => None,
        Err(_) => Some(state.hub.pull(&name).await?),
    };
    let registry = state.registry.clone();
    let arrived = async move { registry.rescan().await };
    if body.stream.unwrap_or(true) {
        return Ok(match pulling {
            Some(pulling) => progress::respond(&ignored, progress::of_pull(pulling, arrived)),
            None => {
                let whole = stream::iter([Ok(progress::present())]);
                progress::respond(&ignored, whole)
            }
        });
    }
    if let Some(pulling) = pulling {
        progress::end_of(pulling).await?;
        arrived.await;
    }
    Ok(reply::json(reply::accepted(&ignored), &Status::from(SUCCESS)))
}
