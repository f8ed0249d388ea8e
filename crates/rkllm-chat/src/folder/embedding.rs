//! How a sentence-embedding model makes one vector of a text.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;

use super::file::{read_json, wrong};
use crate::{Error, Pooling};

/// How a model's makers make one vector of a text, and what they put before texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingFacts {
    /// What becomes of the hidden states of the tokens.
    pub pooling: Pooling,
    /// Whether the tokens of a prompt before the text are pooled too.
    pub pools_prompt: bool,
    /// Whether vectors are brought to length 1.
    pub normalize: bool,
    /// What to put before a text, by the purpose of its vector, such as `query`.
    pub prompts: BTreeMap<String, String>,
    /// The purpose when none is given; a key of `prompts`.
    pub default_prompt: Option<String>,
}

/// An entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

/// `config.json` of the pooling module.
#[derive(Deserialize)]
struct PoolingFile {
    pooling_mode: Option<String>,
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_lasttoken: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
    #[serde(default)]
    pooling_mode_weightedmean_tokens: bool,
    #[serde(default = "yes")]
    include_prompt: bool,
}

/// `config_sentence_transformers.json`
#[derive(Default, Deserialize)]
struct PromptsFile {
    prompts: Option<BTreeMap<String, String>>,
    default_prompt_name: Option<String>,
}

fn yes() -> bool {
    true
}

impl EmbeddingFacts {
    /// `None` for models that are not made for this: without `modules.json`.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join("modules.json");
        let Some(modules) = read_json::<Vec<Module>>(&path)? else {
            return Ok(None);
        };
        let mut pooling = None;
        let mut normalize = false;
        for (index, module) in modules.iter().enumerate() {
            match module.kind.rsplit('.').next().unwrap_or_default() {
                "Transformer" => {}
                "Pooling" if is_below(&module.path) => {
                    pooling = Some(read_pooling(&folder.join(&module.path).join("config.json"))?);
                }
                "Pooling" => {
                    return Err(wrong(
                        &path,
                        &format!("[{index}].path"),
                        "leads out of the folder",
                    ));
                }
                "Normalize" => normalize = true,
                kind => {
                    let reason = format!("the module {kind:?} is not supported");
                    return Err(wrong(&path, &format!("[{index}].type"), &reason));
                }
            }
        }
        let (pooling, pools_prompt) =
            pooling.ok_or_else(|| wrong(&path, ".", "there is no Pooling module"))?;
        let (prompts, default_prompt) = read_prompts(folder)?;
        Ok(Some(Self { pooling, pools_prompt, normalize, prompts, default_prompt }))
    }
}

fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// The way of pooling, and whether it includes the prompt.
fn read_pooling(path: &Path) -> Result<(Pooling, bool), Error> {
    let missing = || Error::ReadFile { path: path.to_owned(), source: io_not_found() };
    let file: PoolingFile = read_json(path)?.ok_or_else(missing)?;
    let flags = [
        ("cls", file.pooling_mode_cls_token),
        ("mean", file.pooling_mode_mean_tokens),
        ("lasttoken", file.pooling_mode_lasttoken),
        ("max", file.pooling_mode_max_tokens),
        ("mean_sqrt_len_tokens", file.pooling_mode_mean_sqrt_len_tokens),
        ("weightedmean", file.pooling_mode_weightedmean_tokens),
    ];
    let set: Vec<&str> = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    let name = match (&file.pooling_mode, set.as_slice()) {
        (Some(name), _) => name,
        (None, [name]) => *name,
        (None, _) => return Err(wrong(path, "pooling_mode", "exactly one mode must be set")),
    };
    let pooling = match name {
        "cls" => Pooling::Cls,
        "mean" => Pooling::Mean,
        "lasttoken" => Pooling::LastToken,
        name => {
            return Err(wrong(path, "pooling_mode", &format!("{name:?} is not supported")));
        }
    };
    Ok((pooling, file.include_prompt))
}

fn io_not_found() -> std::io::Error {
    std::io::ErrorKind::NotFound.into()
}

fn read_prompts(folder: &Path) -> Result<(BTreeMap<String, String>, Option<String>), Error> {
    let path = folder.join("config_sentence_transformers.json");
    let file: PromptsFile = read_json(&path)?.unwrap_or_default();
    let prompts = file.prompts.unwrap_or_default();
    match &file.default_prompt_name {
        Some(name) if !prompts.contains_key(name) => {
            Err(wrong(&path, "default_prompt_name", &format!("there is no prompt {name:?}")))
        }
        _ => Ok((prompts, file.default_prompt_name)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MODULES: &str = r#"[
        {"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
        {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
        {"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]"#;

    fn read(modules: &str, pooling: &str, prompts: &str) -> Result<EmbeddingFacts, Error> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("modules.json"), modules).unwrap();
        fs::create_dir(folder.path().join("1_Pooling")).unwrap();
        fs::write(folder.path().join("1_Pooling/config.json"), pooling).unwrap();
        fs::write(folder.path().join("config_sentence_transformers.json"), prompts).unwrap();
        EmbeddingFacts::read(folder.path()).map(|facts| facts.unwrap())
    }

    #[test]
    fn a_query_model_is_described() {
        let pooling = r#"{"word_embedding_dimension":1024,"pooling_mode_cls_token":false,
            "pooling_mode_lasttoken":true,"include_prompt":true}"#;
        let prompts = r#"{"prompts":{"query":"Query: ","document":""},"default_prompt_name":null,
            "similarity_fn_name":"cosine"}"#;
        let facts = read(MODULES, pooling, prompts).unwrap();
        assert_eq!((facts.pooling, facts.normalize), (Pooling::LastToken, true));
        assert_eq!(facts.prompts["query"], "Query: ");
        assert_eq!((facts.default_prompt, facts.pools_prompt), (None, true));
    }

    #[test]
    fn newer_files_name_the_mode() {
        let facts = read(
            &MODULES.replace("2_Normalize", "n").replace("models.Normalize", "models.Transformer"),
            r#"{"pooling_mode":"mean","include_prompt":false}"#,
            "{}",
        )
        .unwrap();
        assert_eq!((facts.pooling, facts.normalize), (Pooling::Mean, false));
        assert!(!facts.pools_prompt);
    }

    #[test]
    fn what_would_give_other_vectors_is_refused_by_name() {
        let error = |modules: &str, pooling, prompts| {
            read(modules, pooling, prompts).unwrap_err().to_string()
        };
        let cls = r#"{"pooling_mode_cls_token":true}"#;
        assert!(error(&MODULES.replace("Normalize", "Dense"), cls, "{}").contains("\"Dense\""));
        assert!(error("[]", cls, "{}").contains("modules.json, .: there is no Pooling"));
        assert!(error(&MODULES.replace("1_P", "../P"), cls, "{}").contains("[1].path"));
        let max = r#"{"pooling_mode_max_tokens":true}"#;
        assert!(error(MODULES, max, "{}").contains("\"max\" is not supported"));
        let both = r#"{"pooling_mode_max_tokens":true,"pooling_mode_cls_token":true}"#;
        assert!(error(MODULES, both, "{}").contains("exactly one mode"));
        let unknown = r#"{"default_prompt_name":"q"}"#;
        assert!(error(MODULES, cls, unknown).contains("default_prompt_name"));
    }

    #[test]
    fn other_models_have_no_such_facts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(EmbeddingFacts::read(folder.path()).unwrap(), None);
    }
}
