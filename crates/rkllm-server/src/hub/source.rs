//! What a name to be pulled stands for on the hub.

use std::collections::BTreeMap;

use super::fault;
use super::folder::{is_path, is_plain, without_latest};
use crate::error::Error;

/// Beginnings of names that mean the hub.
const HUB: [&str; 2] = ["hf.co/", "huggingface.co/"];
/// Files that can be models.
pub(super) const MODELS: [&str; 2] = [".gguf", ".rkllm"];
/// What is taken of a repository that has several models, if nothing else is asked for.
const PREFERRED: &str = "Q4_K_M";

/// A model on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// `ORG/REPO`.
    pub(super) repo: String,
    pub(super) pick: Pick,
}

/// Which file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// This one, by its path.
    File(String),
    /// The only model whose name has this part, for example `Q4_K_M` or `rk3588`.
    Part(String),
    /// The only one, or the one of the usual quantization.
    Any,
}

impl Source {
    /// Reads `hf.co/ORG/REPO`, `hf.co/ORG/REPO:PART`, `hf.co/ORG/REPO/FILE`, or a short name.
    pub(super) fn parse(name: &str, short_names: &BTreeMap<String, String>) -> Result<Self, Error> {
        let name = name.trim();
        if let Some(source) = Self::on_hub(name) {
            return source;
        }
        let plain = without_latest(name);
        let long = short_names.get(name).or_else(|| short_names.get(plain));
        match long.and_then(|long| Self::on_hub(long)) {
            Some(source) => source,
            None => Err(unknown(name, short_names)),
        }
    }

    fn on_hub(name: &str) -> Option<Result<Self, Error>> {
        let rest = HUB.iter().find_map(|hub| {
            let (host, rest) = name.split_at_checked(hub.len())?;
            host.eq_ignore_ascii_case(hub).then_some(rest)
        })?;
        Some(Self::in_hub(rest).ok_or_else(|| {
            Error::invalid(format!(
                "{name:?} is no name on the hub; send hf.co/ORG/REPO, hf.co/ORG/REPO:QUANTIZATION or \
                 hf.co/ORG/REPO/FILE.gguf"
            ))
        }))
    }

    fn in_hub(name: &str) -> Option<Self> {
        let (name, part) = match name.split_once(':') {
            Some((name, part)) => (name, Some(part)),
            None => (name, None),
        };
        let mut segments = name.splitn(3, '/');
        let (org, repo, file) = (segments.next()?, segments.next()?, segments.next());
        if !is_plain(org) || !is_plain(repo) || !file.is_none_or(is_path) {
            return None;
        }
        let pick = match (file, part) {
            (Some(file), None) if is_model(file) => Pick::File(file.to_owned()),
            (Some(_), _) => return None,
            (None, None | Some("latest")) => Pick::Any,
            (None, Some(part)) if is_plain(part) => Pick::Part(part.to_owned()),
            (None, Some(_)) => return None,
        };
        Some(Self { repo: format!("{org}/{repo}"), pick })
    }

    /// The path of the model among the files of the repository.
    pub(super) fn choose<'a>(&self, files: &'a [String]) -> Result<&'a str, Error> {
        let repo = &self.repo;
        let models: Vec<&str> =
            files.iter().map(String::as_str).filter(|path| is_model(path)).collect();
        let matching: Vec<&str> = match &self.pick {
            Pick::File(file) => models.iter().copied().filter(|path| path == file).collect(),
            Pick::Part(part) => {
                models.iter().copied().filter(|path| has_part(path, part)).collect()
            }
            Pick::Any if models.len() == 1 => models.clone(),
            Pick::Any => models.iter().copied().filter(|path| has_part(path, PREFERRED)).collect(),
        };
        match matching[..] {
            [path] if is_split(path) => Err(fault::absent(format_args!(
                "{path} of {repo} is a part of a model that was split; pull one that is a single file"
            ))),
            [path] => Ok(path),
            _ if models.is_empty() => {
                Err(fault::absent(format_args!("{repo} has neither a .gguf nor a .rkllm file")))
            }
            [] => Err(fault::absent(format_args!(
                "nothing in {repo} is called that; it has {}",
                list(&models)
            ))),
            _ => Err(fault::absent(format_args!(
                "{} of {repo} are called that; send hf.co/{repo}/FILE with one of them",
                list(&matching)
            ))),
        }
    }
}

/// Whether a path on the hub is a model, and not the part of one that sees.
fn is_model(path: &str) -> bool {
    let file = file_name(path).to_ascii_lowercase();
    MODELS.iter().any(|ending| file.ends_with(ending)) && !file.starts_with("mmproj")
}

/// The last segment of a path on the hub.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The file's name without the ending that makes it a model.
pub(super) fn stem(path: &str) -> &str {
    let file = file_name(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Whether the path has the part as a whole: `Q4_K` is none of `Q4_K_M`.
fn has_part(path: &str, part: &str) -> bool {
    let (path, part) = (path.to_ascii_lowercase(), part.to_ascii_lowercase());
    let border = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
    path.match_indices(&part).any(|(at, _)| {
        border(path[..at].chars().next_back()) && border(path[at + part.len()..].chars().next())
    })
}

/// Whether the name ends like `-00001-of-00003.gguf`.
fn is_split(path: &str) -> bool {
    let mut words = stem(path).rsplit('-');
    let number = |word: Option<&str>| {
        word.is_some_and(|word| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit()))
    };
    number(words.next()) && words.next() == Some("of") && number(words.next())
}

/// The first few of them.
fn list(paths: &[&str]) -> String {
    const SHOWN: usize = 8;
    let shown = paths[..paths.len().min(SHOWN)].join(", ");
    match paths.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn unknown(name: &str, short_names: &BTreeMap<String, String>) -> Error {
    let known: Vec<&str> = short_names.keys().map(String::as_str).collect();
    let short = match known.is_empty() {
        true => "no short names are configured".to_owned(),
        false => format!("the short names are {}", list(&known)),
    };
    fault::absent(format_args!(
        "{name:?} is neither a model of this server nor a name on the hub; send \
         hf.co/ORG/REPO:QUANTIZATION ({short})"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(name: &str) -> Result<Source, Error> {
        let short = [("tiny", "hf.co/me/tiny-GGUF:Q8_0"), ("broken", "elsewhere/x")];
        let short = short.map(|(name, long)| (name.to_owned(), long.to_owned()));
        Source::parse(name, &BTreeMap::from(short))
    }

    fn choose(name: &str, files: &[&str]) -> Result<String, String> {
        let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
        let chosen = parse(name).unwrap().choose(&files).map(str::to_owned);
        chosen.map_err(|error| error.message)
    }

    #[test]
    fn every_form_of_a_name() {
        let source = |repo: &str, pick| Source { repo: repo.into(), pick };
        let file = |path: &str| Pick::File(path.into());
        assert_eq!(parse("hf.co/a/b").unwrap(), source("a/b", Pick::Any));
        assert_eq!(parse("HF.co/a/b:latest").unwrap(), source("a/b", Pick::Any));
        assert_eq!(
            parse("huggingface.co/a/b:Q4_0").unwrap(),
            source("a/b", Pick::Part("Q4_0".into()))
        );
        assert_eq!(parse("hf.co/a/b/c.gguf").unwrap(), source("a/b", file("c.gguf")));
        assert_eq!(parse("hf.co/a/b/sub/c.rkllm").unwrap(), source("a/b", file("sub/c.rkllm")));
        let tiny = source("me/tiny-GGUF", Pick::Part("Q8_0".into()));
        assert_eq!(parse("tiny").unwrap(), tiny);
        assert_eq!(parse("tiny:latest").unwrap(), tiny);
    }

    #[test]
    fn what_is_no_name_on_the_hub_says_what_would_be() {
        for name in [
            "hf.co/",
            "hf.co/a",
            "hf.co/a/",
            "hf.co/../b",
            "hf.co/a/b/../c.gguf",
            "hf.co/a/b/c.exe",
            "hf.co/a/b/c.gguf:Q4_0",
            "hf.co/a/b:",
            "hf.co/a/b:x/y",
            "hf.co/a/b//c.gguf",
            "hf.co/a/b?x",
        ] {
            let message = parse(name).unwrap_err().message;
            assert!(message.contains("send hf.co/ORG/REPO"), "{name}: {message}");
        }
        for name in ["llama3.2", "broken", "evil.example/a/b", ""] {
            let message = parse(name).unwrap_err().message;
            assert!(message.starts_with("pull model manifest: file does not exist"), "{message}");
            assert!(message.contains("broken, tiny"), "{message}");
        }
    }

    #[test]
    fn one_file_is_chosen_or_all_are_listed() {
        let files =
            ["README.md", "x-Q4_K_S.gguf", "x-Q4_K_M.gguf", "mmproj-x-Q4_K_M.gguf", "x-Q8_0.gguf"];
        assert_eq!(choose("hf.co/a/b", &files).unwrap(), "x-Q4_K_M.gguf");
        assert_eq!(choose("hf.co/a/b:q8_0", &files).unwrap(), "x-Q8_0.gguf");
        assert_eq!(choose("hf.co/a/b/x-Q4_K_S.gguf", &files).unwrap(), "x-Q4_K_S.gguf");
        assert_eq!(choose("hf.co/a/b", &["only.rkllm", "x.txt"]).unwrap(), "only.rkllm");
        let boards = ["m-w8a8-rk3588.rkllm", "m-w8a8-rk3576.rkllm"];
        assert_eq!(choose("hf.co/a/b:rk3576", &boards).unwrap(), "m-w8a8-rk3576.rkllm");
        insta::assert_snapshot!(choose("hf.co/a/b:w8a8", &boards).unwrap_err(), @"pull model manifest: file does not exist: m-w8a8-rk3588.rkllm, m-w8a8-rk3576.rkllm of a/b are called that; send hf.co/a/b/FILE with one of them");
        insta::assert_snapshot!(choose("hf.co/a/b:Q4_K", &files).unwrap_err(), @"pull model manifest: file does not exist: nothing in a/b is called that; it has x-Q4_K_S.gguf, x-Q4_K_M.gguf, x-Q8_0.gguf");
        insta::assert_snapshot!(choose("hf.co/a/b", &["x.txt"]).unwrap_err(), @"pull model manifest: file does not exist: a/b has neither a .gguf nor a .rkllm file");
        let split = ["x-Q8_0-00001-of-00002.gguf"];
        assert!(choose("hf.co/a/b", &split).unwrap_err().contains("was split"));
    }

    proptest! {
        #[test]
        fn no_name_leads_out_of_the_repository(name in "[a-z./:%\\\\?#]{0,30}") {
            if let Ok(source) = parse(&format!("hf.co/{name}")) {
                prop_assert_eq!(source.repo.split('/').count(), 2);
                if let Pick::File(path) = &source.pick {
                    prop_assert!(is_path(path));
                }
            }
        }
    }
}
