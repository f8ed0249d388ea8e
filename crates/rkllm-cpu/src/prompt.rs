//! From a user's text to tokens, by the chat template in force.

use rkllm_chat::{ChatTemplate, Message, RenderOptions, Role, Segment, SpecialTokens};

use crate::error::Error;
use crate::llama::{Model, Token};

/// What is put around a user's text.
#[derive(Debug)]
pub(crate) enum Prompting {
    /// The model's own template.
    Template(Box<ChatTemplate>),
    /// The model's own template cannot be used, for this reason.
    Unusable(String),
    /// The model has no template: the text is the whole prompt.
    Plain,
    /// The texts of `rkllm_set_chat_template`.
    Fixed(FixedTexts),
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
            Ok(template) => Self::Template(Box::new(template)),
            Err(error) => Self::Unusable(error.to_string()),
        }
    }

    /// The tokens of a turn up to where the model's answer begins.
    pub(crate) fn tokens(
        &self,
        model: &Model,
        turn: Turn,
        (text, thinking): (&str, bool),
    ) -> Result<Vec<Token>, Error> {
        match self {
            Self::Template(template) => {
                let segments = segments(template, turn, (text, thinking))
                    .map_err(|error| Error::Template(error.to_string()))?;
                tokenize(model, &segments)
            }
            Self::Unusable(reason) => Err(Error::Template(reason.clone())),
            Self::Plain => tokenize(model, &[trusted(text.to_owned())]),
            Self::Fixed(texts) => {
                let FixedTexts { system, prefix, postfix } = texts;
                let system = if turn == Turn::First { system.as_str() } else { "" };
                tokenize(model, &[trusted([system, prefix, text, postfix].concat())])
            }
        }
    }

    /// The tokens that stand before the first user's text in every conversation.
    pub(crate) fn system_tokens(&self, model: &Model) -> Result<Vec<Token>, Error> {
        let text = match self {
            Self::Template(template) => match template.turn_texts(None) {
                Ok(texts) => texts.head,
                Err(error) => return Err(Error::Template(error.to_string())),
            },
            Self::Unusable(_) | Self::Plain => String::new(),
            Self::Fixed(texts) => texts.system.clone(),
        };
        let mut tokens = tokenize(model, &[trusted(text)])?;
        begin(model, &mut tokens);
        Ok(tokens)
    }
}

/// The tokens of a text that is used as it is, special tokens included.
pub(crate) fn plain_tokens(model: &Model, text: &str) -> Result<Vec<Token>, Error> {
    tokenize(model, &[trusted(text.to_owned())])
}

/// Puts the begin token before the first tokens of a conversation, if the model wants it and
/// they do not bring it.
pub(crate) fn begin(model: &Model, tokens: &mut Vec<Token>) {
    let bos = model.bos();
    if model.adds_bos() && model.knows(bos) && tokens.first() != Some(&bos) {
        tokens.insert(0, bos);
    }
}

fn segments(
    template: &ChatTemplate,
    turn: Turn,
    (text, thinking): (&str, bool),
) -> Result<Vec<Segment>, rkllm_chat::Error> {
    match turn {
        Turn::First => {
            let options = RenderOptions { enable_thinking: Some(thinking), ..Default::default() };
            Ok(template.render(&[Message::new(Role::User, text)], &options)?.segments)
        }
        Turn::Next => {
            let texts = template.turn_texts(Some(thinking))?;
            // The user's text goes unparsed, so that it cannot end its own turn.
            let text = Segment { text: text.to_owned(), trusted: false };
            Ok(vec![trusted(texts.between), text, trusted(texts.postfix)])
        }
    }
}

fn trusted(text: String) -> Segment {
    Segment { text, trusted: true }
}

fn tokenize(model: &Model, segments: &[Segment]) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::new();
    for Segment { text, trusted } in segments.iter().filter(|segment| !segment.text.is_empty()) {
        let part = model.tokenize(text, false, *trusted);
        tokens.extend(part.ok_or(Error::TooLong { what: "the prompt" })?);
    }
    Ok(tokens)
}
