//! What chats and texts have in common.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::options::Options;
use super::{format, keep_alive, think};
use crate::dialect::json;
use crate::error::{Code, Error};
use crate::generate::{Input, Overflow, Request, Tool};
use crate::registry::KeepAlive;

/// Reads a body, and the names of what is unknown in it.
pub(super) fn parse<T: DeserializeOwned>(
    body: &[u8],
    example: &str,
) -> Result<(T, Vec<String>), Error> {
    if body.trim_ascii().is_empty() {
        return Err(Error::invalid("missing request body"));
    }
    json::parse(body, example)
}

/// What a request says of its answer, as it came.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) format: Option<Value>,
    pub(super) options: Option<Options>,
    pub(super) keep_alive: Option<Value>,
    pub(super) think: Option<Value>,
    pub(super) truncate: Option<bool>,
    pub(super) logprobs: Option<bool>,
    pub(super) top_logprobs: Option<i64>,
}

/// A request without its input.
#[derive(Debug)]
pub(super) struct Manner {
    request: Request,
    pub(super) keep_alive: Option<KeepAlive>,
    /// The names of the options.
    options: Vec<String>,
}

impl Wishes {
    /// Checks everything that needs no model.
    pub(super) fn check(self) -> Result<Manner, Error> {
        no_logprobs(self.logprobs, self.top_logprobs)?;
        let options = self.options.unwrap_or_default();
        let context = options.context_length()?;
        let names = options.names();
        let think = think::parse(self.think.as_ref())?;
        let mut template_kwargs = Map::new();
        if let Some(effort) = think.effort {
            template_kwargs.insert("reasoning_effort".to_owned(), effort.into());
        }
        let overflow = match self.truncate {
            Some(false) => Overflow::Refuse,
            _ => Overflow::DropOldest,
        };
        let request = Request {
            format: format::parse(self.format)?,
            enable_thinking: think.enabled,
            template_kwargs,
            overflow: Some(overflow),
            // 0 and below: as many tokens as the model can have, which is what no number means.
            context: context
                .filter(|tokens| *tokens > 0)
                .map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX)),
            tuning: options.tuning()?,
            ..Request::default()
        };
        let keep_alive = keep_alive::parse(self.keep_alive.as_ref())?;
        Ok(Manner { request, keep_alive, options: names })
    }
}

impl Manner {
    /// The request for an answer to `input`.
    pub(super) fn request(self, input: Input, tools: Vec<Tool>) -> Request {
        Request { input, tools, ..self.request }
    }

    /// The names of what has no effect without an answer.
    pub(super) fn unheard(self) -> Vec<String> {
        self.options
    }
}

fn no_logprobs(wanted: Option<bool>, top: Option<i64>) -> Result<(), Error> {
    let (field, message) = match (wanted, top) {
        (_, Some(top)) if !(0..=20).contains(&top) => {
            ("top_logprobs", "top_logprobs must be between 0 and 20")
        }
        (_, Some(1..)) => ("top_logprobs", "top_logprobs is not supported: leave it out"),
        (Some(true), _) => ("logprobs", "logprobs is not supported: leave it out"),
        _ => return Ok(()),
    };
    let mut error = Error::new(Code::Unsupported, message);
    error.param = Some(field.to_owned());
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_thinking_reach_the_template() {
        let wishes = Wishes { think: Some("medium".into()), ..Wishes::default() };
        let request = wishes.check().unwrap().request;
        assert_eq!(request.enable_thinking, Some(true));
        assert_eq!(request.template_kwargs["reasoning_effort"], "medium");
    }

    #[test]
    fn what_is_too_long_is_cut_unless_that_is_not_wanted() {
        let overflow =
            |truncate| Wishes { truncate, ..Wishes::default() }.check().unwrap().request.overflow;
        assert_eq!(overflow(None), Some(Overflow::DropOldest));
        assert_eq!(overflow(Some(true)), Some(Overflow::DropOldest));
        assert_eq!(overflow(Some(false)), Some(Overflow::Refuse));
    }

    #[test]
    fn a_context_has_at_least_one_token() {
        let context = |json| {
            let options = Some(serde_json::from_str(json).unwrap());
            Wishes { options, ..Wishes::default() }.check().unwrap().request.context
        };
        assert_eq!(context("{}"), None);
        assert_eq!(context(r#"{"num_ctx": 0}"#), None);
        assert_eq!(context(r#"{"num_ctx": 2048.0}"#), Some(2048));
        assert_eq!(context(r#"{"num_ctx": 99999999999}"#), Some(u32::MAX));
    }

    #[test]
    fn probabilities_are_refused_by_name() {
        let refused = |logprobs, top_logprobs| {
            let error = Wishes { logprobs, top_logprobs, ..Wishes::default() }.check().unwrap_err();
            (error.param.unwrap(), error.message)
        };
        assert_eq!(refused(Some(true), None).0, "logprobs");
        assert_eq!(refused(Some(true), Some(3)).0, "top_logprobs");
        assert_eq!(refused(None, Some(21)).1, "top_logprobs must be between 0 and 20");
        let wishes = Wishes { logprobs: Some(false), top_logprobs: Some(0), ..Wishes::default() };
        wishes.check().unwrap();
    }
}
