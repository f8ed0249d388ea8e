//! What the files of a model folder say about the model.

mod embedding;
pub(crate) mod file;
mod generation;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use self::embedding::EmbeddingFacts;
use self::file::read_json;
pub use self::generation::SamplingDefaults;
use self::generation::{GenerationFile, TokenIds};
use crate::Error;

/// What the files of a folder in Hugging Face's layout say about the model in it.
///
/// Every file may be missing, and what none of them says is `None` or empty.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelFolder {
    /// The folder.
    pub path: PathBuf,
    /// The tokens that end an answer, by number: of `generation_config.json`, else of `config.json`.
    pub eos_ids: Vec<i32>,
    /// How the token that ends an answer is written, of `tokenizer_config.json`.
    pub eos_token: Option<String>,
    /// How the token that begins a text is written, of `tokenizer_config.json`.
    pub bos_token: Option<String>,
    /// Recommended sampling, of `generation_config.json`.
    pub sampling: SamplingDefaults,
    /// The context that the model was made for, in tokens: `max_position_embeddings` of
    /// `config.json`.
    pub context_length: Option<u32>,
    /// How texts become vectors, for models that are made for that: those with `modules.json`.
    pub embedding: Option<EmbeddingFacts>,
}

/// `config.json`, and in models that also see or hear, its part about text.
#[derive(Debug, Default, Deserialize)]
struct ConfigFile {
    eos_token_id: Option<TokenIds>,
    max_position_embeddings: Option<u32>,
    text_config: Option<Box<ConfigFile>>,
}

/// `tokenizer_config.json`
#[derive(Debug, Default, Deserialize)]
struct TokenizerFile {
    eos_token: Option<TokenText>,
    bos_token: Option<TokenText>,
}

/// A token as its text, or with how it is matched.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a token's text or an object with its content")]
pub(crate) enum TokenText {
    Text(String),
    Described { content: String },
}

impl TokenText {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Described { content: text } => text,
        }
    }
}

impl ModelFolder {
    /// Reads the small files of a folder, each up to 16 MiB; not the tokenizer.
    ///
    /// # Errors
    ///
    /// [`Error::ReadFile`] when the folder or a file cannot be read, [`Error::FileTooLarge`], and
    /// [`Error::FileField`] when a file is broken or asks for what is not supported.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::ReadFile { path: path.to_owned(), source };
        if !fs::metadata(path).map_err(unreadable)?.is_dir() {
            return Err(unreadable(io::ErrorKind::NotADirectory.into()));
        }
        let generation_path = path.join("generation_config.json");
        let generation: GenerationFile = read_json(&generation_path)?.unwrap_or_default();
        let config: ConfigFile = read_json(&path.join("config.json"))?.unwrap_or_default();
        let tokenizer: TokenizerFile =
            read_json(&path.join("tokenizer_config.json"))?.unwrap_or_default();
        let text = config.text_config.map(|text| *text).unwrap_or_default();
        let sampling = generation.sampling(&generation_path)?;
        let eos = generation.eos_token_id.or(config.eos_token_id).or(text.eos_token_id);
        Ok(Self {
            path: path.to_owned(),
            eos_ids: eos.map(TokenIds::into_vec).unwrap_or_default(),
            eos_token: tokenizer.eos_token.map(TokenText::into_text),
            bos_token: tokenizer.bos_token.map(TokenText::into_text),
            sampling,
            context_length: config.max_position_embeddings.or(text.max_position_embeddings),
            embedding: EmbeddingFacts::read(path)?,
        })
    }

    /// All tokens that end an answer: those known by number, and the one known by its text, which
    /// `token` looks up in the vocabulary.
    ///
    /// ```
    /// # fn main() -> Result<(), rkllm_chat::Error> {
    /// use rkllm_chat::ModelFolder;
    ///
    /// # let dir = tempfile::tempdir().expect("there is room for temporary files");
    /// # let path = dir.path();
    /// let folder = ModelFolder::read(path)?;
    /// let ends = folder.end_tokens(|text| (text == "<|im_end|>").then_some(151645));
    /// # assert!(ends.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn end_tokens(&self, token: impl FnOnce(&str) -> Option<i32>) -> Vec<i32> {
        let mut tokens = self.eos_ids.clone();
        tokens.extend(self.eos_token.as_deref().and_then(token));
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// The tokenizer of the folder; `None` without `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// As for [`Tokenizer::read`](crate::Tokenizer::read).
    #[cfg(feature = "tokenizer")]
    pub fn tokenizer(&self) -> Result<Option<crate::Tokenizer>, Error> {
        let path = self.path.join("tokenizer.json");
        if !path.exists() {
            return Ok(None);
        }
        crate::Tokenizer::read(&path).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<ModelFolder, Error>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let facts = ModelFolder::read(folder.path());
        (folder, facts)
    }

    #[test]
    fn an_empty_folder_says_nothing() {
        let facts = folder(&[]).1.unwrap();
        assert_eq!(facts.sampling, SamplingDefaults::default());
        assert_eq!((facts.context_length, facts.embedding), (None, None));
        assert!(facts.eos_ids.is_empty());
    }

    #[test]
    fn a_chat_model_is_described() {
        let facts = folder(&[
            (
                "config.json",
                r#"{"eos_token_id":2,"max_position_embeddings":32768,"sliding_window":9}"#,
            ),
            ("generation_config.json", r#"{"eos_token_id":[7,5],"temperature":0.7}"#),
            (
                "tokenizer_config.json",
                r#"{"eos_token":{"content":"</s>","lstrip":false},"bos_token":"<s>",
                    "model_max_length":1000000000000000019884624838656}"#,
            ),
        ])
        .1
        .unwrap();
        assert_eq!((facts.context_length, facts.sampling.temperature), (Some(32768), Some(0.7)));
        assert_eq!(
            (facts.bos_token.as_deref(), facts.eos_token.as_deref()),
            (Some("<s>"), Some("</s>"))
        );
        assert_eq!(facts.end_tokens(|text| (text == "</s>").then_some(6)), [5, 6, 7]);
        assert_eq!(facts.end_tokens(|_| Some(7)), [5, 7]);
        assert_eq!(facts.end_tokens(|_| None), [5, 7]);
    }

    #[test]
    fn the_part_about_text_counts_in_models_that_see() {
        let config = r#"{"text_config":{"eos_token_id":1,"max_position_embeddings":131072}}"#;
        let facts = folder(&[("config.json", config), ("generation_config.json", "{}")]).1.unwrap();
        assert_eq!((facts.eos_ids, facts.context_length), (vec![1], Some(131072)));
    }

    #[test]
    fn errors_name_file_and_field() {
        let error = |name: &str, content: &str| {
            let (folder, facts) = folder(&[(name, content)]);
            facts.unwrap_err().to_string().replace(&*folder.path().to_string_lossy(), "model")
        };
        insta::assert_snapshot!(
            error("generation_config.json", r#"{"eos_token_id":["a"]}"#),
            @"model/generation_config.json, eos_token_id: expected a token's number or a list of them at line 1 column 22; mend the file or remove it"
        );
        insta::assert_snapshot!(
            error("config.json", r#"{"max_position_embeddings":-1}"#),
            @"model/config.json, max_position_embeddings: invalid value: integer `-1`, expected u32 at line 1 column 29; mend the file or remove it"
        );
        insta::assert_snapshot!(error("tokenizer_config.json", "{"), @"model/tokenizer_config.json, .: EOF while parsing an object at line 1 column 1; mend the file or remove it");
        let large = " ".repeat((16 << 20) + 1);
        insta::assert_snapshot!(error("config.json", &large), @"model/config.json has more than 16777216 bytes: replace it with the file that the model came with");
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let (folder, _) = folder(&[("file", "")]);
        let error = ModelFolder::read(&folder.path().join("file")).unwrap_err();
        assert!(matches!(error, Error::ReadFile { .. }), "{error}");
        assert!(ModelFolder::read(&folder.path().join("none")).is_err());
    }

    #[cfg(feature = "tokenizer")]
    #[test]
    fn the_tokenizer_is_read_when_it_is_asked_for() {
        let json = r#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#;
        let (_kept, facts) = folder(&[("tokenizer.json", json)]);
        assert_eq!(facts.unwrap().tokenizer().unwrap().unwrap().vocab_size(), 1);
        assert!(folder(&[]).1.unwrap().tokenizer().unwrap().is_none());
        let (_kept, facts) = folder(&[("tokenizer.json", "{}")]);
        assert!(matches!(facts.unwrap().tokenizer(), Err(Error::Tokenizer(_))));
    }
}
