//! `HEAD` and `POST /api/blobs/sha256:…`: contents that models are made of.

use actix_web::HttpResponse;
use actix_web::error::PayloadError;
use actix_web::web::{Data, Path, Payload};
use futures_util::TryStreamExt;

use super::reply;
use crate::app::State;
use crate::error::{Code, Error};

/// Whether the content is there.
pub(super) async fn head(state: Data<State>, digest: Path<String>) -> HttpResponse {
    let found = async {
        let upload = state.hub.store()?.upload(&digest)?;
        match upload.exists().await {
            true => Ok(HttpResponse::Ok().finish()),
            false => Err(Error::new(Code::NotFound, format!("there is no content {digest}"))),
        }
    };
    found.await.unwrap_or_else(|error| reply::failure(&error))
}

/// Takes a content in.
pub(super) async fn post(
    state: Data<State>,
    digest: Path<String>,
    payload: Payload,
) -> HttpResponse {
    let stored = async {
        let upload = state.hub.store()?.upload(&digest)?;
        if upload.exists().await {
            return Ok(HttpResponse::Ok().finish());
        }
        upload.receive(payload.map_err(|error| broken(&error))).await?;
        Ok(HttpResponse::Created().finish())
    };
    stored.await.unwrap_or_else(|error| reply::failure(&error))
}

fn broken(error: &PayloadError) -> Error {
    let message = format!("the content did not arrive whole: {error}; send it again");
    Error::new(Code::BodyIncomplete, message)
}
