//! Bodies as requests.

use super::conversation::conversation;
use super::message::Thoughts;
use super::request::{Body, Display, Format as Wire, OutputConfig, Thinking, ThinkingKind};
use super::tools;
use crate::dialect::json;
use crate::error::Error;
use crate::generate::{Format, Request, Tuning};
use crate::registry::Target;

const EXAMPLE: &str =
    r#"{"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}"#;

/// Whether an endpoint takes a limit for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Required,
    Unused,
}

/// A request as it came, checked for what needs no model.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) target: Target,
    pub(super) request: Request,
    pub(super) stream: bool,
    pub(super) thoughts: Thoughts,
    pub(super) names: Names,
    /// What has no effect.
    pub(super) ignored: Vec<String>,
}

/// How fields of [`Request`] are called on the wire.
#[derive(Debug)]
pub(super) struct Names {
    /// The index of the last message.
    last: usize,
    /// Whether the client said anything about thinking.
    thinking: bool,
}

impl Names {
    /// The field's name; `None` for what the client did not send.
    pub(super) fn on_the_wire(&self, name: String) -> Option<String> {
        match name.as_str() {
            "role" => Some(format!("messages[{}].role", self.last)),
            "enable_thinking" => self.thinking.then(|| "thinking".to_owned()),
            "max_new_tokens" => Some("max_tokens".to_owned()),
            "stop" => Some("stop_sequences".to_owned()),
            "format" => Some("output_config.format".to_owned()),
            "template_kwargs" => Some("output_config.effort".to_owned()),
            _ => Some(name),
        }
    }
}

pub(super) fn messages(bytes: &[u8], limit: Limit) -> Result<Parsed, Error> {
    let (body, mut ignored) = json::parse::<Body>(bytes, EXAMPLE)?;
    if limit == Limit::Required && body.max_tokens.is_none() {
        let message = "max_tokens: Field required; it is the most tokens that the answer may have";
        return Err(Error { param: Some("max_tokens".to_owned()), ..Error::invalid(message) });
    }
    let tuning = Tuning {
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k,
        max_new_tokens: body.max_tokens,
        stop: stop_sequences(body.stop_sequences.unwrap_or_default())?,
        ..Tuning::default()
    };
    tuning.check()?;
    let names =
        Names { last: body.messages.len().saturating_sub(1), thinking: body.thinking.is_some() };
    let input = conversation(body.system, body.messages, &mut ignored)?;
    let tools = tools::tools(body.tools.unwrap_or_default(), &mut ignored)?;
    let tool_choice = tools::choice(body.tool_choice.as_ref(), &tools)?;
    let OutputConfig { effort, format } = body.output_config.unwrap_or_default();
    let mut request = Request { input, tools, tool_choice, tuning, ..Request::default() };
    request.enable_thinking = Some(thinks(body.thinking.as_ref()));
    request.format =
        format.or(body.output_format).map(self::format).transpose()?.unwrap_or_default();
    if let Some(effort) = effort {
        request.template_kwargs.insert("reasoning_effort".to_owned(), effort.level().into());
    }
    let single = body.tool_choice.and_then(|choice| choice.disable_parallel_tool_use);
    request.one_call = single.unwrap_or_default();
    Ok(Parsed {
        target: Target { model: body.model, ..Target::default() },
        thoughts: thoughts(body.thinking.as_ref()),
        request,
        stream: body.stream.unwrap_or(false),
        names,
        ignored,
    })
}

fn stop_sequences(stops: Vec<String>) -> Result<Vec<String>, Error> {
    for (index, stop) in stops.iter().enumerate() {
        json::no_nul(&format!("stop_sequences[{index}]"), stop)?;
    }
    Ok(stops)
}

fn thinks(thinking: Option<&Thinking>) -> bool {
    thinking.is_some_and(|thinking| thinking.r#type != ThinkingKind::Disabled)
}

fn thoughts(thinking: Option<&Thinking>) -> Thoughts {
    match thinking {
        Some(Thinking { r#type: ThinkingKind::Disabled, .. }) | None => Thoughts::None,
        Some(Thinking { display: Some(Display::Omitted), .. }) => Thoughts::Place,
        Some(_) => Thoughts::All,
    }
}

fn format(wire: Wire) -> Result<Format, Error> {
    match wire.schema {
        Some(schema) if schema.is_object() => Ok(Format::JsonSchema { schema, strict: true }),
        _ => {
            let field = "output_config.format.schema";
            let message = format!("{field} is no object; send a JSON schema");
            Err(Error { param: Some(field.to_owned()), ..Error::invalid(message) })
        }
    }
}

#[cfg(test)]
mod tests;
