//! What is put around a text: the chat template in force.

use rkllm_chat::{ChatTemplate, Message, RenderOptions, Role, Segment, SpecialTokens};

use crate::error::Error;
use crate::item::Item;
use crate::llama::Model;
use crate::request::Said;
use crate::tools::Tools;

/// What is put around a user's text.
#[derive(Debug)]
pub(crate) enum Prompting {
    /// The model's own template.
    Template(Box<Template>),
    /// The model's own template cannot be used, for this reason.
    Unusable(String),
    /// The model has no template: the text is the whole prompt.
    Plain,
    /// The texts of `rkllm_set_chat_template`.
    Fixed(FixedTexts),
}

/// The model's own template, and the functions that it shows.
#[derive(Debug)]
pub(crate) struct Template {
    chat: ChatTemplate,
    tools: Option<Tools>,
    shows_results: bool,
}

/// The texts of `rkllm_set_chat_template`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FixedTexts {
    pub(crate) system: String,
    pub(crate) prefix: String,
    pub(crate) postfix: String,
}

/// Where in a conversation a text comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    First,
    Next,
}

impl Prompting {
    /// The model's own way.
    pub(crate) fn of(model: &Model) -> Self {
        let Some(source) = model.chat_template() else {
            return Self::Plain;
        };
        let special = SpecialTokens {
            bos: model.special_text(model.bos()),
            eos: model.special_text(model.eos()),
            control: model.control_texts(),
        };
        match ChatTemplate::parse(&source, special) {
            Ok(chat) => {
                let shows_results = chat.supports_tool_results();
                Self::Template(Box::new(Template { chat, tools: None, shows_results }))
            }
            Err(error) => Self::Unusable(error.to_string()),
        }
    }

    /// Shows functions to the model from now on.
    pub(crate) fn set_tools(&mut self, tools: Tools) -> Result<(), Error> {
        match self {
            Self::Template(template) if template.chat.supports_tools() => {
                template.tools = Some(tools);
                Ok(())
            }
            Self::Template(_) => {
                Err(Error::Tools("the model's template does not show functions".to_owned()))
            }
            Self::Unusable(reason) => Err(Error::Tools(reason.clone())),
            Self::Plain => Err(Error::Tools("the model has no template".to_owned())),
            Self::Fixed(_) => {
                Err(Error::Tools("rkllm_set_chat_template has replaced it".to_owned()))
            }
        }
    }

    /// The text of a turn up to where the model's answer begins.
    pub(crate) fn segments(&self, turn: Turn, said: &Said) -> Result<Vec<Segment>, Error> {
        match self {
            Self::Template(template) => template.segments(turn, said),
            Self::Unusable(reason) => Err(Error::Template(reason.clone())),
            Self::Plain | Self::Fixed(_) if said.role == Role::Tool => Err(Error::ToolRole),
            Self::Plain => Ok(vec![trusted(said.text.clone())]),
            Self::Fixed(texts) => {
                let FixedTexts { system, prefix, postfix } = texts;
                let system = if turn == Turn::First { system.as_str() } else { "" };
                Ok(vec![trusted([system, prefix, &said.text, postfix].concat())])
            }
        }
    }

    /// The text that stands before the first user's text in every conversation.
    pub(crate) fn system_text(&self) -> Result<String, Error> {
        match self {
            Self::Template(template) => template.system_text(),
            Self::Unusable(_) | Self::Plain => Ok(String::new()),
            Self::Fixed(texts) => Ok(texts.system.clone()),
        }
    }
}

impl Template {
    fn segments(&self, turn: Turn, said: &Said) -> Result<Vec<Segment>, Error> {
        let new = match (said.role, &self.tools) {
            (Role::Tool, Some(tools)) => tools.results(&said.text, self.shows_results),
            (Role::Tool, None) => return Err(Error::ToolRole),
            _ => vec![Message::new(Role::User, said.text.as_str())],
        };
        let options = RenderOptions { enable_thinking: Some(said.thinking), ..self.options() };
        let opening = self.opening();
        let rendered = match turn {
            Turn::First => {
                let messages = [opening, new].concat();
                self.chat.render(&messages, &options).map(|prompt| prompt.segments)
            }
            Turn::Next => self.chat.after_answer(&opening, &new, &options),
        };
        rendered.map_err(|error| Error::Template(error.to_string()))
    }

    fn system_text(&self) -> Result<String, Error> {
        let text = self.chat.text_before_user(&self.opening(), &self.options());
        text.map_err(|error| Error::Template(error.to_string()))
    }

    fn opening(&self) -> Vec<Message> {
        self.tools.as_ref().map(Tools::opening).unwrap_or_default()
    }

    fn options(&self) -> RenderOptions {
        let tools = self.tools.as_ref().map(|tools| tools.functions.clone());
        RenderOptions { tools, ..RenderOptions::default() }
    }
}

/// Puts the begin token before the first items of a conversation, if the model wants it and
/// they do not bring it.
pub(crate) fn begin(model: &Model, items: &mut Vec<Item>) {
    let bos = model.bos();
    if model.adds_bos() && model.knows(bos) && items.first() != Some(&Item::Token(bos)) {
        items.insert(0, Item::Token(bos));
    }
}

fn trusted(text: String) -> Segment {
    Segment { text, trusted: true }
}
