//! What a request wants of its model that not every model can.

use super::line::Shape;
use super::reply;
use crate::app::State;
use crate::error::{Code, Error};
use crate::generate::{Input, Request};
use crate::registry::{Abilities, ModelState, Target};

/// Abilities that a request needs beside completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    tools: bool,
    thinking: bool,
    insert: bool,
}

impl Needs {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            tools: !request.tools.is_empty(),
            thinking: request.enable_thinking == Some(true),
            insert: matches!(request.input, Input::Text { suffix: Some(_), .. }),
        }
    }

    /// Refuses what the model cannot do, in the words that programs look for.
    pub(super) async fn check(self, state: &State, target: &Target) -> Result<(), Error> {
        if !(self.tools || self.thinking || self.insert) {
            return Ok(());
        }
        let model = target.model.as_deref().unwrap_or_default();
        let about = |error| reply::about(model, error);
        let mut info = state.registry.model(target.model.as_deref()).await.map_err(about)?;
        if matches!(info.state, ModelState::Failed { .. }) {
            // What it can do does not matter: the request is refused with the reason, or it is tried
            // with, once the model has rested.
            return Ok(());
        }
        let is_loaded = matches!(info.state, ModelState::Ready { .. });
        if self.missing(info.abilities).is_some() && !is_loaded {
            // Only a model in memory is known to lack something. It stays as long as usual: one
            // that is to be kept for no time would be gone before it is asked.
            let load = Target { model: target.model.clone(), keep_alive: None };
            state.registry.load(&load).await.map_err(about)?;
            info = state.registry.model(target.model.as_deref()).await.map_err(about)?;
        }
        match self.missing(info.abilities) {
            Some(what) => Err(lacks(model, what)),
            None => Ok(()),
        }
    }

    fn missing(self, able: Abilities) -> Option<&'static str> {
        [
            ("tools", self.tools && !able.tools),
            ("thinking", self.thinking && !able.thinking),
            ("insert", self.insert && !able.insert),
        ]
        .into_iter()
        .find_map(|(what, missing)| missing.then_some(what))
    }
}

/// The error of a request that was not accepted. A model that makes no text at all says so, whatever
/// else the request asked for.
pub(super) async fn explain(state: &State, model: &str, shape: Shape, error: Error) -> Error {
    if error.code == Code::Unsupported
        && let Ok(info) = state.registry.model(Some(model)).await
        && !info.abilities.completion
    {
        return lacks(model, shape.ability());
    }
    reply::about(model, error)
}

fn lacks(model: &str, what: &str) -> Error {
    Error::new(Code::Unsupported, format!("\"{model}\" does not support {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Tool;

    #[test]
    fn each_need_is_named() {
        let none = Abilities::default();
        let all = Abilities {
            completion: true,
            tools: true,
            thinking: true,
            insert: true,
            embedding: true,
        };
        let tools = Request { tools: vec![Tool::default()], ..Request::default() };
        let thinking = Request { enable_thinking: Some(true), ..Request::default() };
        let input = Input::Text { prompt: String::new(), suffix: Some("x".into()) };
        let insert = Request { input, ..Request::default() };
        for (request, what) in [(tools, "tools"), (thinking, "thinking"), (insert, "insert")] {
            assert_eq!(Needs::of(&request).missing(none), Some(what));
            assert_eq!(Needs::of(&request).missing(all), None);
        }
        let off = Request { enable_thinking: Some(false), ..Request::default() };
        assert_eq!(Needs::of(&off).missing(none), None);
        assert_eq!(lacks("m", "tools").message, "\"m\" does not support tools");
    }
}
