//! From a body that has been understood to its answers.

use actix_web::{HttpResponse, HttpResponseBuilder};

use super::answers::{Answers, Opened, Series};
use super::names::Names;
use crate::app::State;
use crate::dialect::ignored;
use crate::error::Error;
use crate::registry::Target;

/// A body in no dialect's words.
pub(super) struct Asked {
    /// The model as the client calls it.
    pub(super) model: String,
    pub(super) series: Series,
    /// Whether the answer is streamed, and how that ends.
    pub(super) stream: Option<StreamEnd>,
    /// What the fields of the requests were called.
    pub(super) names: Names,
    /// What has no effect, by its name in the body.
    pub(super) ignored: Vec<String>,
}

/// The end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamEnd {
    /// Whether the tokens that were used are told.
    pub(super) usage: bool,
}

/// Sends the first request to its model; gives the answers and an answer's beginning.
pub(super) async fn open(
    state: &State,
    asked: Asked,
) -> Result<(Answers, HttpResponseBuilder), Error> {
    let target = Target { model: Some(asked.model), ..Target::default() };
    let Opened { mut answers, ignored } =
        Answers::open(state.registry.clone(), target, asked.series).await?;
    if asked.stream.is_some() {
        answers.begin().await?;
    }
    let mut names = asked.ignored;
    names.extend(ignored.iter().map(|field| asked.names.wire(field).to_owned()));
    Ok((answers, response(&names)))
}

/// A successful answer that names what was ignored.
pub(super) fn response(names: &[String]) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    if !names.is_empty() {
        response.insert_header((ignored::IGNORED, ignored::header(names)));
    }
    response
}
