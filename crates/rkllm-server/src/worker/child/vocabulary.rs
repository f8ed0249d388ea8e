//! Text to tokens and back, by whoever knows the model's vocabulary.

use std::collections::BTreeMap;

use rkllm::{Model, TokenizeOptions};
use rkllm_chat::{Prompt, Tokenizer};

use crate::error::{Code, Error};

/// A model's vocabulary.
#[derive(Debug)]
pub(super) enum Vocabulary {
    /// The runtime's own.
    Runtime(Model),
    /// That of the model's folder.
    File(Box<Tokenizer>),
}

impl Vocabulary {
    /// The tokens of a rendered conversation.
    pub(super) fn encode(&self, prompt: &Prompt) -> Result<Vec<i32>, Error> {
        match self {
            Self::Runtime(model) => {
                let mut tokens = Vec::new();
                for segment in &prompt.segments {
                    let how =
                        TokenizeOptions { add_special: false, parse_special: segment.trusted };
                    tokens.extend(model.tokenize(&segment.text, how).map_err(refused)?);
                }
                Ok(tokens)
            }
            Self::File(tokenizer) => tokenizer.encode(prompt).map_err(unfit),
        }
    }

    /// The tokens of a text as it stands; with `special`, special tokens in it count as such.
    pub(super) fn encode_text(&self, text: &str, special: bool) -> Result<Vec<i32>, Error> {
        let segment = rkllm_chat::Segment { text: text.to_owned(), trusted: special };
        let segments = if text.is_empty() { Vec::new() } else { vec![segment] };
        self.encode(&Prompt { segments, adapted: Vec::new(), opens_thought: false })
    }

    /// The tokens of a text that stands by itself, between those that the model wants around one.
    pub(super) fn encode_alone(&self, text: &str) -> Result<Vec<i32>, Error> {
        match self {
            Self::Runtime(model) => {
                let how = TokenizeOptions { add_special: true, parse_special: false };
                model.tokenize(text, how).map_err(refused)
            }
            Self::File(tokenizer) => tokenizer.encode_text(text).map_err(unfit),
        }
    }

    /// The text of tokens, special ones included.
    pub(super) fn decode(&self, tokens: &[i32]) -> Result<String, Error> {
        match self {
            Self::Runtime(model) => model.detokenize(tokens, true).map_err(refused),
            Self::File(tokenizer) => tokenizer.decode(tokens, true).map_err(unfit),
        }
    }

    /// The first of these tokens that the model does not have.
    pub(super) fn missing(&self, tokens: &[i32]) -> Result<Option<i32>, Error> {
        let mut tokens = tokens.iter().copied();
        match self {
            Self::Runtime(model) => {
                let size = model.info().map_err(refused)?.vocab_size;
                Ok(tokens.find(|token| !u32::try_from(*token).is_ok_and(|token| token < size)))
            }
            Self::File(tokenizer) => {
                Ok(tokens.find(|token| tokenizer.token_text(*token).is_none()))
            }
        }
    }

    /// The one token that a text is, if it is one.
    pub(super) fn token(&self, text: &str) -> Option<i32> {
        match self {
            Self::Runtime(_) => match self.encode_text(text, true).ok()?[..] {
                [token] => Some(token),
                _ => None,
            },
            Self::File(tokenizer) => tokenizer.token(text),
        }
    }

    /// All control tokens and their texts.
    pub(super) fn control(&self) -> Result<BTreeMap<i32, String>, rkllm::Error> {
        match self {
            Self::Runtime(model) => Ok(model.special_tokens()?.into_iter().collect()),
            Self::File(tokenizer) => {
                Ok(tokenizer.special_tokens().map(|(id, text)| (id, text.to_owned())).collect())
            }
        }
    }

    /// Bytes of the longest text that one token stands for.
    pub(super) fn longest_piece(&self) -> Result<usize, rkllm::Error> {
        let mut longest = 0;
        match self {
            Self::Runtime(model) => {
                let size = i32::try_from(model.info()?.vocab_size).unwrap_or(i32::MAX);
                for token in 0..size {
                    longest = longest.max(model.detokenize(&[token], true)?.len());
                }
            }
            Self::File(tokenizer) => {
                let size = i32::try_from(tokenizer.vocab_size()).unwrap_or(i32::MAX);
                let texts = (0..size).filter_map(|token| tokenizer.token_text(token));
                longest = texts.map(|text| text.len()).max().unwrap_or(0);
            }
        }
        // Some tokenizers leave out the space that a text begins with.
        Ok(longest + 1)
    }
}

fn refused(error: rkllm::Error) -> Error {
    Error::new(Code::InferenceFailed, error.to_string())
}

fn unfit(error: rkllm_chat::Error) -> Error {
    Error::invalid(error.to_string())
}
