//! Chat templates: from messages to the text that a model was trained on.

use std::sync::OnceLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, ErrorKind, context};
use serde::Serialize;

use crate::functions::{Raised, raise_exception, strftime_now};
use crate::isolate::isolate;
use crate::limit::{LimitedWriter, MAX_PROMPT, MAX_TEMPLATE};
use crate::methods::call_method;
use crate::placeholder::SpecialMatcher;
use crate::system::merge_system;
use crate::tojson::tojson;
use crate::{Error, Message, Prompt, RenderOptions, Role, SpecialTokens};

const NAME: &str = "chat template";

/// Work that one rendering may do: one unit is an instruction or 64 bytes of text. A conversation
/// of a thousand messages takes a few ten thousand units.
const FUEL: u64 = 2_000_000;

/// Nesting of a template's own calls and blocks; real templates stay below 20.
const MAX_RECURSION: usize = 100;

/// A model's chat template, with the conventions of Hugging Face `transformers`.
///
/// That is Jinja with `trim_blocks`, `lstrip_blocks` and loop controls, Python's string and
/// dictionary methods, `raise_exception`, `strftime_now`, a `tojson` that writes what Python's
/// `json.dumps` does, and the variables `messages`, `add_generation_prompt`, `enable_thinking`,
/// `bos_token`, `eos_token`, `tools` and `documents` (always `none`).
///
/// Rendering is bounded: source 256 KiB, prompt 8 MiB, a budget of work that the engine charges for
/// each instruction and each piece of data, and a stack of its own for deep recursion, so a template
/// that loops, recurses or grows without end gives an error. One thing the engine does not charge
/// for: comparing lists, using them as keys and turning them into strings when they contain the
/// same list many times over. No real template does so; a process that renders templates of unknown
/// origin needs a deadline after which it can be killed.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    special: SpecialTokens,
    matcher: SpecialMatcher,
    loses_system: OnceLock<bool>,
}

impl ChatTemplate {
    /// Parses a template's source for a model with these special tokens.
    ///
    /// # Errors
    ///
    /// [`Error::TemplateTooLarge`] beyond 256 KiB, [`Error::Parse`] with the line when the source is
    /// no valid template, [`Error::SpecialTokens`] when there are too many of them.
    pub fn parse(source: &str, special: SpecialTokens) -> Result<Self, Error> {
        if source.len() > MAX_TEMPLATE {
            return Err(Error::TemplateTooLarge { size: source.len(), limit: MAX_TEMPLATE });
        }
        let environment = isolate(|| environment(source))?.map_err(Error::Parse)?;
        let matcher = SpecialMatcher::new(&special, source)?;
        Ok(Self { environment, special, matcher, loses_system: OnceLock::new() })
    }

    /// Renders a conversation.
    ///
    /// Control tokens that message texts spell out come back as untrusted segments: a user who
    /// writes `<|im_end|>` has written ten characters and ended nothing. Everything else, the
    /// other text of messages included, is trusted, as it holds no control token but the
    /// template's. (Only a template that cuts out of the middle of a text, or changes its case,
    /// could put one together from parts.)
    ///
    /// Many templates know no system role. When the template refuses a conversation that begins
    /// with system messages, or leaves their text out, it is rendered again with that text at the
    /// beginning of the first user message, and [`Prompt::system_merged`] says so.
    ///
    /// # Errors
    ///
    /// [`Error::Raised`] when the template refuses the conversation, for example because roles
    /// don't alternate; [`Error::Render`] when it fails otherwise; [`Error::NoMessages`],
    /// [`Error::TooMuchWork`], [`Error::PromptTooLarge`] and [`Error::NoPlaceholder`] as they say.
    ///
    /// ```
    /// use rkllm_chat::{ChatTemplate, Message, RenderOptions, Role, SpecialTokens};
    ///
    /// let template = ChatTemplate::parse(
    ///     "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>{% endfor %}",
    ///     SpecialTokens { control: vec!["<|end|>".into()], ..SpecialTokens::default() },
    /// )?;
    /// let messages = [Message::new(Role::User, "Hi <|end|>")];
    /// let prompt = template.render(&messages, &RenderOptions::default())?;
    /// assert_eq!(prompt.text(), "<|user|>Hi <|end|><|end|>");
    /// assert_eq!(prompt.segments[1].text, "<|end|>");
    /// assert!(!prompt.segments[1].trusted);
    /// # Ok::<(), rkllm_chat::Error>(())
    /// ```
    pub fn render(&self, messages: &[Message], options: &RenderOptions) -> Result<Prompt, Error> {
        if messages.is_empty() {
            return Err(Error::NoMessages);
        }
        let plain = self.render_as_is(messages, options);
        let try_merged = match &plain {
            Ok(_) => messages[0].role == Role::System && self.loses_system(),
            Err(Error::Raised { .. }) => true,
            Err(_) => false,
        };
        if !try_merged {
            return plain;
        }
        match merge_system(messages) {
            Some(merged) => {
                let prompt = self.render_as_is(&merged, options)?;
                Ok(Prompt { system_merged: true, ..prompt })
            }
            None => plain,
        }
    }

    pub(crate) fn render_as_is(
        &self,
        messages: &[Message],
        options: &RenderOptions,
    ) -> Result<Prompt, Error> {
        let (protected, placeholders) = self.matcher.protect(messages)?;
        let rendered = self.evaluate(&protected, options)?;
        Ok(Prompt { segments: placeholders.restore(rendered), system_merged: false })
    }

    /// Whether the template renders a system message without complaint and without its text.
    fn loses_system(&self) -> bool {
        *self.loses_system.get_or_init(|| {
            let probe = "rkllm-system-probe";
            let messages = [Message::new(Role::System, probe), Message::new(Role::User, "Hi")];
            // Where the template fails, rendering the real conversation tells why.
            self.evaluate(&messages, &RenderOptions::default())
                .is_ok_and(|text| !text.contains(probe))
        })
    }

    fn evaluate<M: Serialize + Sync>(
        &self,
        messages: &[M],
        options: &RenderOptions,
    ) -> Result<String, Error> {
        isolate(|| self.evaluate_here(messages, options))?
    }

    fn evaluate_here<M: Serialize>(
        &self,
        messages: &[M],
        options: &RenderOptions,
    ) -> Result<String, Error> {
        let context = context! {
            messages => Value::from(Serde(messages)),
            add_generation_prompt => options.add_generation_prompt,
            enable_thinking => given(options.enable_thinking),
            bos_token => given(self.special.bos.as_deref()),
            eos_token => given(self.special.eos.as_deref()),
            tools => options.tools.as_ref().map_or(Value::from(()), |tools| Value::from(Serde(tools))),
            documents => Value::from(()),
            strftime_now => strftime_now(options.now),
        };
        let mut prompt = LimitedWriter::new(MAX_PROMPT);
        let template = self.environment.get_template(NAME).map_err(Error::Render)?;
        match template.render_captured_to(context, &mut prompt) {
            Ok(_) => Ok(prompt.into_text()),
            Err(_) if prompt.exceeded() => Err(Error::PromptTooLarge { limit: MAX_PROMPT }),
            Err(error) => Err(sort_out(error)),
        }
    }
}

/// The value, or what a template sees as undefined.
fn given<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::UNDEFINED, Into::into)
}

fn environment(source: &str) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // Its reports quote the values of variables, which are chats.
    environment.set_debug(false);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_unknown_method_callback(call_method);
    environment.add_function("raise_exception", raise_exception);
    environment.add_filter("tojson", tojson);
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
