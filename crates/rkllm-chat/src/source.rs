//! The files in which a model's chat template comes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::limit::MAX_TEMPLATE;
use crate::{ChatTemplate, Error, SpecialTokens};

/// Longest configuration accepted, in bytes; those of the largest vocabularies have a few MiB.
const MAX_CONFIG: usize = 64 << 20;

const TEMPLATE_FILES: [&str; 2] = ["chat_template.jinja", "chat_template.json"];
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Names of the templates of a model that has one for conversations with tools.
const DEFAULT: &str = "default";
const TOOL_USE: &str = "tool_use";

/// A model's chat template as its folder holds it, before it is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSource {
    /// The file that the template was found in.
    pub path: PathBuf,
    /// The template.
    pub template: String,
    /// Another one for conversations with tools, which some models have.
    pub tool_use: Option<String>,
    /// Text of the begin-of-sequence token, where `tokenizer_config.json` names it.
    pub bos: Option<String>,
    /// Text of the end-of-sequence token, likewise.
    pub eos: Option<String>,
}

impl TemplateSource {
    /// Finds the template in a model's folder, as Hugging Face `transformers` does: in
    /// `chat_template.jinja`, else in `chat_template.json`, else in `tokenizer_config.json`; `None`
    /// when none of them has one.
    ///
    /// # Errors
    ///
    /// [`Error::ReadFile`] when a file cannot be read, [`Error::FileTooLarge`] when it is larger
    /// than any real one, [`Error::ParseFile`] when it is not what its name says.
    pub fn find(folder: &Path) -> Result<Option<Self>, Error> {
        let config_path = folder.join(TOKENIZER_CONFIG);
        let config: Config = read_json(&config_path)?.unwrap_or_default();
        let [jinja, json] = TEMPLATE_FILES.map(|name| folder.join(name));
        let found = if let Some(template) = read(&jinja, MAX_TEMPLATE)? {
            let tool_use =
                read(&folder.join("additional_chat_templates/tool_use.jinja"), MAX_TEMPLATE)?;
            Some((jinja, Templates { template, tool_use }))
        } else if let Some(found) = read_json::<Config>(&json)?.and_then(Config::templates) {
            Some((json, found))
        } else {
            config.clone().templates().map(|found| (config_path, found))
        };
        Ok(found.map(|(path, Templates { template, tool_use })| Self {
            path,
            template,
            tool_use,
            bos: config.bos_token.map(Token::text),
            eos: config.eos_token.map(Token::text),
        }))
    }

    /// Parses the template for a model with these control tokens.
    ///
    /// # Errors
    ///
    /// Those of [`ChatTemplate::parse`].
    pub fn parse(&self, control: Vec<String>) -> Result<ChatTemplate, Error> {
        let (bos, eos) = (self.bos.clone(), self.eos.clone());
        let template = ChatTemplate::parse(&self.template, SpecialTokens { bos, eos, control })?;
        match &self.tool_use {
            Some(source) => template.with_tool_use(source),
            None => Ok(template),
        }
    }
}

/// What a configuration says about templates.
#[derive(Debug, Clone, Default, Deserialize)]
struct Config {
    chat_template: Option<ChatTemplates>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum ChatTemplates {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Debug, Clone, Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

/// A token by its text, or by its text and how it is to be read.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Added { content: String },
}

impl Token {
    fn text(self) -> String {
        match self {
            Self::Text(text) | Self::Added { content: text } => text,
        }
    }
}

struct Templates {
    template: String,
    tool_use: Option<String>,
}

impl Config {
    fn templates(self) -> Option<Templates> {
        let mut list = match self.chat_template? {
            ChatTemplates::One(template) => return Some(Templates { template, tool_use: None }),
            ChatTemplates::Named(list) => list,
        };
        let mut take = |name| {
            let at = list.iter().position(|named| named.name == name)?;
            Some(list.swap_remove(at).template)
        };
        let (default, tool_use) = (take(DEFAULT), take(TOOL_USE));
        match default {
            Some(template) => Some(Templates { template, tool_use }),
            None => tool_use.map(|template| Templates { template, tool_use: None }),
        }
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    let Some(text) = read(path, MAX_CONFIG)? else { return Ok(None) };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|source| Error::ParseFile { path: path.to_owned(), source })
}

/// The text of a file; `None` when there is none.
fn read(path: &Path, limit: usize) -> Result<Option<String>, Error> {
    let failed = |source| Error::ReadFile { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    // One byte more, to tell a file at the limit from one beyond it.
    file.take(limit as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > limit {
        return Err(Error::FileTooLarge { path: path.to_owned(), limit });
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::{Message, RenderOptions, Role};

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn find(files: &[(&str, &str)]) -> Result<Option<TemplateSource>, Error> {
        TemplateSource::find(folder(files).path())
    }

    #[test]
    fn files_of_their_own_come_before_the_configuration() {
        let config = r#"{ "chat_template": "c", "bos_token": "<s>", "eos_token": null }"#;
        let json = r#"{ "chat_template": "b" }"#;
        let all = [
            (TOKENIZER_CONFIG, config),
            ("chat_template.json", json),
            ("chat_template.jinja", "a"),
        ];
        for (count, template) in [(1, "c"), (2, "b"), (3, "a")] {
            let source = find(&all[..count]).unwrap().unwrap();
            assert_eq!(source.template, template);
            assert_eq!(source.path.file_name().unwrap(), all[count - 1].0);
            assert_eq!((source.bos.as_deref(), source.eos), (Some("<s>"), None));
        }
        assert_eq!(find(&[]).unwrap(), None);
        assert_eq!(find(&[(TOKENIZER_CONFIG, r#"{ "eos_token": "</s>" }"#)]).unwrap(), None);
    }

    #[test]
    fn tokens_may_be_described() {
        let token = json!({ "__type": "AddedToken", "content": "<eos>", "lstrip": false });
        let config = json!({ "chat_template": "x", "eos_token": token }).to_string();
        let source = find(&[(TOKENIZER_CONFIG, &config)]).unwrap().unwrap();
        assert_eq!(source.eos.as_deref(), Some("<eos>"));
    }

    #[test]
    fn tools_have_their_own_template_where_there_is_one() {
        let named = json!({ "chat_template": [
            { "name": "rag", "template": "{{ documents }}" },
            { "name": "tool_use", "template": "T{{ tools | tojson }}" },
            { "name": "default", "template": "D" },
        ]});
        let named = named.to_string();
        let beside = [
            ("chat_template.jinja", "D"),
            ("additional_chat_templates/tool_use.jinja", "T{{ tools | tojson }}"),
        ];
        for files in [&[(TOKENIZER_CONFIG, named.as_str())][..], &beside] {
            let template = find(files).unwrap().unwrap().parse(Vec::new()).unwrap();
            let render = |tools| {
                let options = RenderOptions { tools, ..RenderOptions::default() };
                template.render(&[Message::new(Role::User, "Hi")], &options).unwrap().text()
            };
            assert_eq!(render(None), "D");
            assert_eq!(render(Some(json!([]))), "D");
            assert_eq!(render(Some(json!([{ "name": "rkllm" }]))), "T[{\"name\": \"rkllm\"}]");
        }
    }

    #[test]
    fn a_file_that_is_not_what_it_should_be_is_named() {
        let broken = find(&[(TOKENIZER_CONFIG, "{")]).unwrap_err();
        assert!(
            matches!(&broken, Error::ParseFile { path, .. } if path.ends_with(TOKENIZER_CONFIG))
        );
        let large = " ".repeat(MAX_TEMPLATE + 1);
        let error = find(&[("chat_template.jinja", &large)]).unwrap_err();
        assert!(matches!(error, Error::FileTooLarge { limit: MAX_TEMPLATE, .. }), "{error}");
        let in_the_way = folder(&[("chat_template.jinja/file", "")]);
        let error = TemplateSource::find(in_the_way.path()).unwrap_err();
        assert!(matches!(error, Error::ReadFile { .. }), "{error}");
    }
}
