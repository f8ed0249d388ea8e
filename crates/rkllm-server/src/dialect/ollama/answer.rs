//! From a checked request to its answer.

use std::time::Duration;

use actix_web::HttpResponse;

use super::ability::{self, Needs};
use super::encode::{self, Encoder};
use super::line::{End, Line, Said};
use super::parsed::Parsed;
use super::reply;
use super::time::Time;
use crate::app::State;
use crate::dialect::{collect, stream};
use crate::error::Error;
use crate::registry::{Accepted, KeepAlive, Target};

/// Answers, or does with the model what is asked for.
pub(super) async fn answer(state: &State, parsed: Parsed) -> Result<HttpResponse, Error> {
    let Parsed { model, request, keep_alive, stream, shape, mut ignored } = parsed;
    let Some(request) = request else {
        let end = End::without_answer(keep(state, &model, keep_alive).await?);
        let said = Said { end: Some(&end), ..Said::default() };
        let line = Line::new(shape, &model, Time::now(), said);
        return Ok(reply::json(reply::accepted(&ignored), &line));
    };
    let target = Target { model: Some(model.clone()), keep_alive };
    Needs::of(&request).check(state, &target).await?;
    let Accepted { answer, ignored: unheard, .. } =
        match state.registry.answer(&target, request).await {
            Ok(accepted) => accepted,
            Err(error) => return Err(ability::explain(state, &model, shape, error).await),
        };
    ignored.extend(unheard.into_iter().map(on_the_wire));
    let response = reply::accepted(&ignored);
    if stream {
        return Ok(stream::respond(response, answer, Encoder::new(shape, model)));
    }
    let answer = collect(answer).await?;
    let whole = encode::complete(shape, &model, Time::now(), answer)?;
    Ok(reply::whole(response, whole))
}

/// How a field of requests is called here.
fn on_the_wire(field: String) -> String {
    match field.as_str() {
        "context" => "options.num_ctx".to_owned(),
        "enable_thinking" => "think".to_owned(),
        "temperature" | "top_p" | "top_k" | "repeat_penalty" | "frequency_penalty"
        | "presence_penalty" | "seed" => format!("options.{field}"),
        _ => field,
    }
}

/// Loads a model, or unloads it where it is to be kept for no time. Returns which.
async fn keep(
    state: &State,
    model: &str,
    keep_alive: Option<KeepAlive>,
) -> Result<&'static str, Error> {
    let (done, reason) = if keep_alive == Some(KeepAlive::For(Duration::ZERO)) {
        (state.registry.unload(Some(model)).await, "unload")
    } else {
        let target = Target { model: Some(model.to_owned()), keep_alive };
        (state.registry.load(&target).await.map(|_| ()), "load")
    };
    done.map(|()| reason).map_err(|error| reply::about(model, error))
}
