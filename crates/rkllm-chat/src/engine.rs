//! The template engine, set up as templates of chat models expect it and bounded in all it does.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, ErrorKind, context};
use serde_json::Map;

use crate::filters::default;
use crate::functions::{Raised, raise_exception, strftime_now};
use crate::generation::without_generation_tags;
use crate::isolate::isolate;
use crate::limit::{LimitedWriter, MAX_PROMPT, MAX_TEMPLATE};
use crate::methods::call_method;
use crate::tests::{is_iterable, is_sequence};
use crate::tojson::tojson;
use crate::{DateTime, Error, SpecialTokens};

const NAME: &str = "chat template";

/// Work that one rendering may do: one unit is an instruction or 64 bytes of text. A conversation
/// of a thousand messages takes a few ten thousand units.
const FUEL: u64 = 2_000_000;

/// Nesting of a template's own calls and blocks; real templates stay below 20.
const MAX_RECURSION: usize = 100;

/// A template that was read.
#[derive(Debug)]
pub(crate) struct Engine(Environment<'static>);

impl Engine {
    pub(crate) fn parse(source: &str) -> Result<Self, Error> {
        if source.len() > MAX_TEMPLATE {
            return Err(Error::TemplateTooLarge { size: source.len(), limit: MAX_TEMPLATE });
        }
        let environment = isolate(|| environment(&without_generation_tags(source)))?;
        environment.map(Self).map_err(Error::Parse)
    }

    /// What the template writes, given the conversation's variables and the model's.
    pub(crate) fn evaluate(
        &self,
        variables: &Map<String, serde_json::Value>,
        special: &SpecialTokens,
        now: Option<DateTime>,
    ) -> Result<String, Error> {
        isolate(|| {
            let context = context! {
                bos_token => given(special.bos.as_deref()),
                eos_token => given(special.eos.as_deref()),
                strftime_now => strftime_now(now),
                ..Value::from(Serde(variables))
            };
            let mut prompt = LimitedWriter::new(MAX_PROMPT);
            let template = self.0.get_template(NAME).map_err(Error::Render)?;
            match template.render_captured_to(context, &mut prompt) {
                Ok(_) => Ok(prompt.into_text()),
                Err(_) if prompt.exceeded() => Err(Error::PromptTooLarge { limit: MAX_PROMPT }),
                Err(error) => Err(sort_out(error)),
            }
        })?
    }
}

/// The value, or what a template sees as undefined.
fn given(value: Option<&str>) -> Value {
    value.map_or(Value::UNDEFINED, Into::into)
}

fn environment(source: &str) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // Its reports quote the values of variables, which are chats.
    environment.set_debug(false);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_unknown_method_callback(call_method);
    environment.add_function("raise_exception", raise_exception);
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("tojson", tojson);
    environment.add_test("iterable", is_iterable);
    environment.add_test("sequence", is_sequence);
    environment.remove_global("debug");
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.add_template_owned(NAME, source.to_owned())?;
    Ok(environment)
}

/// Tells a refusal and an exhausted budget from a fault, however deep they are wrapped.
fn sort_out(error: minijinja::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(Raised(message)) = current.downcast_ref() {
            return Error::Raised { message: message.clone() };
        }
        let engine = current.downcast_ref::<minijinja::Error>();
        if engine.is_some_and(|error| error.kind() == ErrorKind::OutOfFuel) {
            return Error::TooMuchWork;
        }
        cause = current.source();
    }
    Error::Render(error)
}
