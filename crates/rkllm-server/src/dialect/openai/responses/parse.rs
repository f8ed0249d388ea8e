//! Bodies as requests.

use rkllm_chat::{Message, Role};

use super::body::{Body, Reasoning, TextFormat, Truncation};
use super::output::Show;
use super::response::Echo;
use super::store::{Keep, Shelf};
use super::{input, tools, unknown};
use crate::dialect::json;
use crate::dialect::openai::answers::Series;
use crate::dialect::openai::common::{checked, limit, model};
use crate::dialect::openai::content::no_nul;
use crate::dialect::openai::either::TextOrList;
use crate::dialect::openai::error::{PREVIOUS, invalid};
use crate::dialect::openai::names::Names;
use crate::dialect::openai::reply::{Asked, StreamEnd};
use crate::dialect::openai::thinking::{self, Thinking};
use crate::error::Error;
use crate::generate::{Input, Request, Tuning};
use crate::worker::ROLE;

/// A body that has been understood.
pub(super) struct Parsed {
    pub(super) asked: Asked,
    pub(super) echo: Echo,
    pub(super) show: Show,
    /// Where the answer is kept, unless the client does not want it to be.
    pub(super) keep: Option<Keep>,
}

const EXAMPLE: &str = r#"{"model": "…", "input": "Hello"}"#;

/// `shelf` has the answers that the body may continue.
pub(super) fn parse(bytes: &[u8], shelf: &Shelf) -> Result<Parsed, Error> {
    let (mut body, mut ignored) = json::parse::<Body>(bytes, EXAMPLE)?;
    body.check()?;
    let model = model(body.model.take())?;
    let (mut request, mut names) = (Request::default(), Names::default());
    request.tuning = body.tuning(&mut names)?;
    request.overflow = body.truncation.map(Truncation::overflow);
    names.say("overflow", "truncation");
    let reasoning = body.reasoning.take().unwrap_or_default();
    let summary = reasoning.summary()?.map(str::to_owned);
    let effort = reasoning.effort.clone();
    tell_thinking(reasoning, &mut request, &mut names)?;
    let format = body.text.take().and_then(|text| text.format).unwrap_or_default();
    request.format = format.format()?;
    names.say("format", "text.format");
    request.tools = tools::tools(body.tools.take().unwrap_or_default(), &mut ignored)?;
    let echoed_tools = tools::echo(&request.tools);
    request.tool_choice = tools::choice(body.tool_choice.take(), &mut request.tools)?;
    let said = body.conversation(shelf, &mut names, &mut ignored)?;
    let keep = body.store.unwrap_or(true).then(|| Keep::new(shelf, &said));
    let instructions = body.instructions.iter().map(|text| Message::new(Role::System, text));
    request.input = Input::chat(instructions.chain(said).collect());
    request.one_call = body.parallel_tool_calls == Some(false);
    let show = Show { summary: summary.is_some() };
    let stream = body.stream.unwrap_or_default().then_some(StreamEnd { usage: true });
    let mut echo = body.echo(&model, format);
    (echo.reasoning.effort, echo.reasoning.summary) = (effort, summary);
    (echo.tools, echo.tool_choice) = (echoed_tools, tools::echo_choice(&request.tool_choice));
    let series = Series::new(vec![request], 1);
    Ok(Parsed { asked: Asked { model, series, stream, names, ignored }, echo, show, keep })
}

fn tell_thinking(
    reasoning: Reasoning,
    request: &mut Request,
    names: &mut Names,
) -> Result<(), Error> {
    let reasoning = Some(thinking::Reasoning { effort: reasoning.effort });
    names.say("template_kwargs", "reasoning.effort");
    Thinking { reasoning, ..Thinking::default() }.tell(request, names)
}

impl Body {
    fn tuning(&self, names: &mut Names) -> Result<Tuning, Error> {
        let field = "max_output_tokens";
        names.say("max_new_tokens", field);
        let limit = self.max_output_tokens.map(|count| limit(field, count)).transpose()?;
        let tuning = Tuning {
            temperature: self.temperature,
            top_p: self.top_p,
            max_new_tokens: limit.flatten(),
            ..Tuning::default()
        };
        checked(tuning, names)
    }

    /// What has been said, the earlier turns that the body refers to first.
    fn conversation(
        &mut self,
        shelf: &Shelf,
        names: &mut Names,
        ignored: &mut Vec<String>,
    ) -> Result<Vec<Message>, Error> {
        no_nul("instructions", self.instructions.as_deref().unwrap_or_default())?;
        let mut messages = match &self.previous_response_id {
            Some(id) => shelf.conversation(id).ok_or_else(|| unknown(PREVIOUS, id))?,
            None => Vec::new(),
        };
        match self.input.take() {
            None => {}
            Some(TextOrList::Text(text)) => {
                no_nul("input", &text)?;
                names.say(ROLE, "input");
                messages.push(Message::new(Role::User, text));
            }
            Some(TextOrList::List(items)) => {
                names.say(ROLE, format!("input[{}].role", items.len().saturating_sub(1)));
                input::add(items, shelf, &mut messages, ignored)?;
            }
        }
        if messages.is_empty() {
            let message = "input is missing or empty; send a text or a list of messages";
            return Err(invalid("input", message));
        }
        Ok(messages)
    }

    /// What the answer repeats of the body's own fields.
    fn echo(self, model: &str, format: TextFormat) -> Echo {
        let mut echo = Echo::new(model.to_owned());
        echo.instructions = self.instructions;
        echo.max_output_tokens = self.max_output_tokens;
        echo.parallel_tool_calls = self.parallel_tool_calls.unwrap_or(true);
        echo.previous_response_id = self.previous_response_id;
        echo.store = self.store.unwrap_or(true);
        (echo.temperature, echo.top_p) = (self.temperature, self.top_p);
        echo.text.format = format;
        echo.truncation = self.truncation.unwrap_or(Truncation::Disabled);
        echo.metadata = self.metadata.unwrap_or_default();
        echo
    }
}

#[cfg(test)]
mod tests;
