//! The files in which a model's chat template comes.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::folder::TokenText;
use crate::folder::file::{read_bounded, read_json};
use crate::limit::MAX_TEMPLATE;
use crate::{ChatTemplate, Error, SpecialTokens};

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
    /// than any real one, [`Error::FileField`] when it is not what its name says.
    pub fn find(folder: &Path) -> Result<Option<Self>, Error> {
        let config_path = folder.join(TOKENIZER_CONFIG);
        let config: Config = read_json(&config_path)?.unwrap_or_default();
        let [jinja, json] = TEMPLATE_FILES.map(|name| folder.join(name));
        let found = if let Some(template) = read_text(&jinja)? {
            let tool_use = read_text(&folder.join("additional_chat_templates/tool_use.jinja"))?;
            Some((jinja, Templates { template, tool_use }))
        } else if let Some(found) =
            read_json::<Config>(&json)?.and_then(|file| templates(file.chat_template))
        {
            Some((json, found))
        } else {
            templates(config.chat_template).map(|found| (config_path, found))
        };
        Ok(found.map(|(path, Templates { template, tool_use })| Self {
            path,
            template,
            tool_use,
            bos: config.bos_token.map(TokenText::into_text),
            eos: config.eos_token.map(TokenText::into_text),
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
#[derive(Debug, Default, Deserialize)]
struct Config {
    chat_template: Option<ChatTemplates>,
    bos_token: Option<TokenText>,
    eos_token: Option<TokenText>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a template or a list of named ones")]
enum ChatTemplates {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Debug, Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

struct Templates {
    template: String,
    tool_use: Option<String>,
}

/// The templates that are of use here.
fn templates(all: Option<ChatTemplates>) -> Option<Templates> {
    let mut list = match all? {
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

/// The text of a template; `None` when there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, Error> {
    let Some(content) = read_bounded(path, MAX_TEMPLATE)? else { return Ok(None) };
    let text = String::from_utf8(content).map_err(|_| Error::ReadFile {
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
    })?;
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
            matches!(&broken, Error::FileField { path, .. } if path.ends_with(TOKENIZER_CONFIG))
        );
        let large = " ".repeat(MAX_TEMPLATE + 1);
        let error = find(&[("chat_template.jinja", &large)]).unwrap_err();
        assert!(matches!(error, Error::FileTooLarge { limit: MAX_TEMPLATE, .. }), "{error}");
        let broken = folder(&[]);
        fs::write(broken.path().join("chat_template.jinja"), b"\xFF").unwrap();
        let error = TemplateSource::find(broken.path()).unwrap_err();
        assert!(matches!(error, Error::ReadFile { .. }), "{error}");
        let in_the_way = folder(&[("chat_template.jinja/file", "")]);
        let error = TemplateSource::find(in_the_way.path()).unwrap_err();
        assert!(matches!(error, Error::ReadFile { .. }), "{error}");
    }
}
