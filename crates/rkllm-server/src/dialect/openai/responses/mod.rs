//! The Responses API: `POST /v1/responses`, and what is kept of answers for requests that follow.

mod body;
mod input;
mod output;
mod parse;
mod response;
mod store;
mod stream;
mod tools;

use std::time::SystemTime;

use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::error::{about, invalid};
use super::wire::seconds;
use super::{dressed, reply, resource};
use crate::app::State;
use crate::dialect::id::id;
use crate::dialect::{body as bytes, stream as streams};
use crate::error::{Code, Error};
use crate::http::Client;
use output::Output;
use parse::Parsed;
use response::{Draft, Progress};
use store::{MAX_ENTRIES, Shelf, Store};
use stream::Encoder;

/// What identifies answers.
const PREFIX: &str = "resp_";

/// Mounts the routes. The answers that are kept belong to the application.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .app_data(Data::new(Store::default()))
        .service(resource("/v1/responses", "POST").route(web::post().to(create)))
        .service(
            resource("/v1/responses/{id}", "GET, DELETE")
                .route(web::get().to(get))
                .route(web::delete().to(delete)),
        );
}

async fn create(
    state: Data<State>,
    store: Data<Store>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let answered = async {
        let body = bytes::read(&request, payload).await?;
        let parsed = parse::parse(&body, &shelf(store, &request))?;
        answer(&state.of(&request), parsed).await
    };
    dressed(answered.await)
}

async fn answer(state: &State, parsed: Parsed) -> Result<HttpResponse, Error> {
    let Parsed { asked, echo, show, keep } = parsed;
    let streamed = asked.stream.is_some();
    let draft = Draft { id: id(PREFIX), created_at: seconds(SystemTime::now()), echo };
    let (answers, mut response) = reply::open(state, asked).await.map_err(about("input"))?;
    if streamed {
        return Ok(streams::respond(response, answers, Encoder::new(draft, show, keep)));
    }
    let collected = answers.collect().await.map_err(about("input"))?.pop();
    let collected = collected.expect("a request that was accepted has one answer");
    let done = collected.done.clone();
    let output = Output::whole(&draft.id, show, collected);
    let whole = draft.response(Progress::Done(&done), &output);
    if let Some(keep) = keep {
        keep.put(&whole, &output);
    }
    Ok(response.json(whole))
}

async fn get(store: Data<Store>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    let json = |body| HttpResponse::Ok().content_type("application/json").body(body);
    dressed(shelf(store, &request).get(&id).map(json).ok_or_else(|| unknown("id", &id)))
}

/// What tells that an answer is no longer kept.
#[derive(Serialize)]
struct Deleted<'a> {
    id: &'a str,
    object: &'static str,
    deleted: bool,
}

async fn delete(store: Data<Store>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    let deleted = Deleted { id: &id, object: "response", deleted: true };
    let removed = shelf(store, &request).remove(&id);
    dressed(removed.then(|| HttpResponse::Ok().json(deleted)).ok_or_else(|| unknown("id", &id)))
}

/// What the sender of a request may see of the store.
fn shelf(store: Data<Store>, request: &HttpRequest) -> Shelf {
    Shelf { store: store.into_inner(), owner: Client::of(request).owner() }
}

/// `field` names an answer that is not there.
fn unknown(field: &str, id: &str) -> Error {
    let message = format!(
        "there is no answer {id:?}; the latest {MAX_ENTRIES} are kept until the server stops, \
         unless they were deleted or made with store false; send the whole conversation as input"
    );
    Error { code: Code::NotFound, ..invalid(field, message) }
}
