//! The tokenizer of a model folder.

mod added;
mod byte_level;
mod decoder;
mod pieces;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use tokenizers::{
    Encoding, Model, Normalizer, OffsetType, PostProcessor, PreTokenizedString, PreTokenizer,
    Token,
    normalizer::{NormalizedString, Range},
};

use self::added::{AddedTokens, Mark};
pub use self::decoder::Decoder;
use self::pieces::{Pieces, Spelling};
use crate::folder::file;
use crate::{Error, Prompt};

/// Largest `tokenizer.json` accepted, in bytes; the largest vocabularies in use need half of it.
const MAX_FILE: usize = 64 << 20;

/// Token numbers accepted, so that a broken file cannot ask for tables of any size.
const MAX_TOKENS: u32 = 1 << 22;

/// A model's tokenizer as `tokenizer.json` describes it.
///
/// Special tokens are parsed in trusted text only; untrusted text that spells one out becomes
/// ordinary tokens.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    added: AddedTokens,
    /// The token for what the vocabulary cannot express.
    unknown: Option<u32>,
    size: u32,
    /// What tokens add to a text, or why that cannot be told token by token.
    pieces: Result<Arc<Pieces>, String>,
}

/// What is needed of the file beside what the library reads.
#[derive(Deserialize)]
struct File {
    model: FileModel,
}

#[derive(Deserialize)]
struct FileModel {
    unk_token: Option<String>,
    unk_id: Option<u32>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`, which may have 64 MiB.
    ///
    /// # Errors
    ///
    /// [`Error::ReadFile`] and [`Error::FileTooLarge`], and [`Error::Tokenizer`] when the file
    /// describes no tokenizer.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let missing = || Error::ReadFile {
            path: path.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        };
        Self::from_json(&file::read_bounded(path, MAX_FILE)?.ok_or_else(missing)?)
    }

    /// A tokenizer from the text of `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the text describes no tokenizer, [`Error::SpecialTokens`] when its
    /// added tokens cannot be searched for.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let unusable = |error: &dyn std::fmt::Display| Error::Tokenizer(error.to_string());
        let file: File = serde_json::from_slice(json).map_err(|error| unusable(&error))?;
        let inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| unusable(&error))?;
        let vocab: HashMap<u32, String> =
            inner.get_vocab(true).into_iter().map(|(text, token)| (token, text)).collect();
        let last = vocab.keys().max().copied();
        if let Some(last) = last.filter(|last| *last >= MAX_TOKENS) {
            return Err(unusable(&format!("token {last} is beyond the limit of {MAX_TOKENS}")));
        }
        let size = last.map_or(0, |last| last + 1);
        let added = AddedTokens::new(inner.get_added_tokens_decoder().into_iter().collect())?;
        let named = file.model.unk_token.and_then(|text| inner.token_to_id(&text));
        let pieces = Spelling::of(inner.get_decoder())
            .map(|spelling| Arc::new(Pieces::new(&spelling, &added, &vocab, size)));
        Ok(Self { inner, added, unknown: file.model.unk_id.or(named), size, pieces })
    }

    /// The tokens of a rendered conversation.
    ///
    /// The segments are read as one continuing text: no token is added at the beginning or the end,
    /// and no space between segments. Tokens that the file adds to the vocabulary are found where
    /// one trusted segment spells them out; text that belongs to none of them never becomes a
    /// special token.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenize`] when the text cannot be expressed in this vocabulary.
    pub fn encode(&self, prompt: &Prompt) -> Result<Vec<i32>, Error> {
        let text = prompt.text();
        let marks = self.added.marks(&prompt.segments, &text);
        numbers(&self.encoding(text, &marks).map_err(not_tokenized)?)
    }

    /// The tokens of a text that stands by itself, such as one to embed: untrusted, and between the
    /// tokens that the file wants around a text.
    ///
    /// # Errors
    ///
    /// As for [`Tokenizer::encode`].
    pub fn encode_text(&self, text: &str) -> Result<Vec<i32>, Error> {
        let encoding = self.encoding(text.to_owned(), &[]).map_err(not_tokenized)?;
        match self.inner.get_post_processor() {
            Some(processor) => {
                numbers(&processor.process(encoding, None, true).map_err(not_tokenized)?)
            }
            None => numbers(&encoding),
        }
    }

    /// The text of tokens; with `special`, special tokens are part of it as they are written.
    ///
    /// Bytes that make no character become U+FFFD, and numbers that the vocabulary has not are
    /// passed over. The space that SentencePiece vocabularies put before the first word is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::NoDecoder`] for vocabularies that are not made for writing, such as WordPiece.
    pub fn decode(&self, tokens: &[i32], special: bool) -> Result<String, Error> {
        let pieces = self.pieces()?;
        let bytes: Vec<u8> =
            tokens.iter().flat_map(|&token| pieces.get(token, special)).copied().collect();
        let text = decoder::without_leading(&bytes, &mut pieces.leading());
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// A decoder for tokens that arrive one by one; see [`Tokenizer::decode`].
    ///
    /// # Errors
    ///
    /// As for [`Tokenizer::decode`].
    pub fn decoder(&self, special: bool) -> Result<Decoder, Error> {
        Ok(Decoder::new(Arc::clone(self.pieces()?), special))
    }

    /// The tokens that steer the model and how they are written, in order of their numbers: those
    /// that the file calls special, and those written `<|like this|>`.
    pub fn special_tokens(&self) -> impl Iterator<Item = (i32, &str)> {
        self.added.control().map(|(token, text)| (token.cast_signed(), text))
    }

    /// How many numbers tokens have: one more than the greatest.
    pub fn vocab_size(&self) -> u32 {
        self.size
    }

    /// A token as the vocabulary spells it, which is not what it adds to a text.
    pub fn token_text(&self, token: i32) -> Option<String> {
        self.inner.id_to_token(token.try_into().ok()?)
    }

    /// The token that the vocabulary spells like this.
    pub fn token(&self, text: &str) -> Option<i32> {
        self.inner.token_to_id(text).map(u32::cast_signed)
    }

    fn pieces(&self) -> Result<&Arc<Pieces>, Error> {
        self.pieces.as_ref().map_err(|what| Error::NoDecoder { what: what.clone() })
    }

    /// Tokenizes a text in which some stretches are decided.
    fn encoding(&self, text: String, marks: &[Mark]) -> tokenizers::Result<Encoding> {
        let mut text = PreTokenizedString::from(text);
        text.split(|_, whole| self.cut(&whole, marks))?;
        if let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut text)?;
        }
        text.tokenize(|piece| self.ordinary(piece.get()))?;
        text.into_encoding(None, 0, OffsetType::None)
    }

    /// The marks and the normalized stretches between them.
    fn cut(
        &self,
        whole: &NormalizedString,
        marks: &[Mark],
    ) -> tokenizers::Result<Vec<(NormalizedString, Option<Vec<Token>>)>> {
        let slice =
            |range| whole.slice(Range::Normalized(range)).ok_or("a mark splits a character");
        let mut pieces = Vec::with_capacity(2 * marks.len() + 1);
        let mut start = 0;
        let end = Mark { range: whole.len()..whole.len(), token: 0 };
        for mark in marks.iter().chain([&end]) {
            if start < mark.range.start {
                let mut between = slice(start..mark.range.start)?;
                if let Some(normalizer) = self.inner.get_normalizer() {
                    normalizer.normalize(&mut between)?;
                }
                pieces.push((between, None));
            }
            if !mark.range.is_empty() {
                let token = Token::new(mark.token, String::new(), (0, 0));
                pieces.push((slice(mark.range.clone())?, Some(vec![token])));
            }
            start = mark.range.end;
        }
        Ok(pieces)
    }

    /// Tokenizes text that holds no special token.
    ///
    /// Some vocabularies would take one that is spelled out for a word; it is taken apart.
    fn ordinary(&self, text: &str) -> tokenizers::Result<Vec<Token>> {
        let tokens = self.inner.get_model().tokenize(text)?;
        let is_special = |token: &Token| {
            let spelled = text.get(token.offsets.0..token.offsets.1);
            self.added.is_control(token.id)
                && (Some(token.id) != self.unknown || spelled == self.added.text(token.id))
        };
        if !tokens.iter().any(is_special) {
            return Ok(tokens);
        }
        let mut ordinary = Vec::with_capacity(tokens.len() + 1);
        for token in tokens {
            if !is_special(&token) {
                ordinary.push(token);
                continue;
            }
            let spelled = text.get(token.offsets.0..token.offsets.1).unwrap_or_default();
            let first = spelled.chars().next().map_or(0, char::len_utf8);
            let (head, tail) = spelled.split_at(first);
            if tail.is_empty() {
                return Err("a special token of one character cannot be taken apart".into());
            }
            ordinary.extend(self.ordinary(head)?);
            ordinary.extend(self.ordinary(tail)?);
        }
        Ok(ordinary)
    }
}

fn not_tokenized(error: tokenizers::Error) -> Error {
    Error::Tokenize(error.to_string())
}

fn numbers(encoding: &Encoding) -> Result<Vec<i32>, Error> {
    let numbers = encoding.get_ids().iter().map(|&token| i32::try_from(token));
    numbers.collect::<Result<_, _>>().map_err(|error| Error::Tokenize(error.to_string()))
}

#[cfg(test)]
mod tests;
