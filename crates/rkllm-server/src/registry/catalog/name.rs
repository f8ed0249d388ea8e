//! Names of models as clients write them: `name`, `name:tag`, `host/space/name:tag`.

use super::entry::Format;
use super::error::CatalogError;
use super::words::words;

/// Longest name in bytes.
const MAX_LEN: usize = 512;

/// The tag that means no tag.
const LATEST: &str = "latest";

/// A name that a model can have, in lower case. It is compared with names of models that are there
/// and never becomes a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ModelName {
    /// What stands before the last slash; empty if nothing does.
    space: String,
    /// What stands between the last slash and the colon.
    base: String,
    /// What stands after the colon, if it is not `latest`.
    tag: Option<String>,
}

impl ModelName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`CatalogError::BadName`] for what no model can be called.
    pub(super) fn parse(name: &str) -> Result<Self, CatalogError> {
        let bad =
            |problem| CatalogError::BadName { name: name.chars().take(64).collect(), problem };
        if name.is_empty() {
            return Err(bad("it is empty"));
        }
        if name.len() > MAX_LEN {
            return Err(bad("it is too long"));
        }
        if name.chars().any(|c| c.is_control() || c == '\\') {
            return Err(bad("it has a control character or a backslash"));
        }
        let lower = name.to_lowercase();
        let (space, last) = lower.rsplit_once('/').unwrap_or(("", &lower));
        let (base, tag) = match last.split_once(':') {
            Some((base, tag)) => (base, Some(tag)),
            None => (last, None),
        };
        let parts = space.split('/').filter(|_| last.len() < lower.len()).chain([base]);
        if parts.into_iter().any(|part| matches!(part.trim(), "" | "." | "..")) {
            return Err(bad("a part of it is empty or made of dots"));
        }
        if tag.is_some_and(|tag| tag.is_empty() || tag.contains(':')) {
            return Err(bad("write it as name or name:tag"));
        }
        Ok(Self {
            space: space.to_owned(),
            base: base.to_owned(),
            tag: tag.filter(|tag| *tag != LATEST).map(str::to_owned),
        })
    }

    /// A name that a model can have, as much like this one as can be.
    pub(super) fn possible(name: &str) -> String {
        if Self::parse(name).is_ok() {
            return name.to_owned();
        }
        let plain = |c: char| if c.is_control() || "\\:/".contains(c) { '-' } else { c };
        let name: String = name.chars().take(100).map(plain).collect();
        if Self::parse(&name).is_ok() { name } else { "model".to_owned() }
    }

    /// The name without the ending of a model file, and what that ending says.
    pub(super) fn without_ending(&self) -> Option<(Self, Format)> {
        let mut name = self.clone();
        let last = name.tag.as_mut().unwrap_or(&mut name.base);
        let (stem, format) = Format::strip(last)?;
        *last = stem.to_owned();
        name.tag = name.tag.filter(|tag| tag != LATEST);
        Some((name, format))
    }

    /// What stands before the last slash.
    pub(super) fn space(&self) -> &str {
        &self.space
    }

    /// The words of the name and its tag.
    pub(super) fn words(&self) -> Vec<String> {
        let mut all = words(&self.base);
        all.extend(self.tag.as_deref().map(words).into_iter().flatten());
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> ModelName {
        ModelName::parse(text).unwrap()
    }

    #[test]
    fn parts() {
        let full = name("hf.co:443/Org/Repo:Q4_K_M");
        assert_eq!(
            (full.space(), full.base.as_str(), full.tag.as_deref()),
            ("hf.co:443/org", "repo", Some("q4_k_m"))
        );
        assert_eq!(name("Qwen3"), name("qwen3:latest"));
        assert_ne!(name("qwen3"), name("qwen3:0.6b"));
    }

    #[test]
    fn endings() {
        assert_eq!(name("m.GGUF").without_ending(), Some((name("m"), Format::Gguf)));
        assert_eq!(name("m:1b.rkllm").without_ending(), Some((name("m:1b"), Format::Rkllm)));
        assert_eq!(name("m").without_ending(), None);
        assert_eq!(name(".gguf").without_ending(), None);
    }

    #[test]
    fn what_no_model_is_called() {
        for bad in [
            "",
            "a\0b",
            "a\nb",
            "..",
            "../etc/passwd",
            "/etc/passwd",
            "a//b",
            "a/./b",
            "a/ .. /b",
            "a/",
            "a\\b",
            ":tag",
            "a:",
            "a:b:c",
            "..:a",
            "a/.:b",
        ] {
            let error = ModelName::parse(bad).unwrap_err();
            assert!(matches!(error, CatalogError::BadName { .. }), "{bad}");
        }
        ModelName::parse(&"a".repeat(MAX_LEN)).unwrap();
        let error = ModelName::parse(&"a".repeat(MAX_LEN + 1)).unwrap_err().to_string();
        assert!(error.ends_with("it is too long") && error.len() < 120, "{error}");
    }

    proptest! {
        #[test]
        fn no_name_leads_out_of_a_folder(text in "[a./:\\\\ ]{0,12}") {
            if let Ok(name) = ModelName::parse(&text) {
                let parts: Vec<_> = name.space.split('/').chain([name.base.as_str()]).collect();
                prop_assert!(parts.iter().all(|part| *part != ".." && *part != "."));
                prop_assert!(!text.starts_with('/'));
            }
        }

        #[test]
        fn case_does_not_matter(text in "[a-z0-9./:-]{1,20}") {
            let lower = ModelName::parse(&text).ok();
            prop_assert_eq!(lower, ModelName::parse(&text.to_uppercase()).ok());
        }

        #[test]
        fn any_text_is_a_name_or_an_error(text: String) {
            let _ = ModelName::parse(&text).map(|name| (name.words(), name.without_ending()));
        }
    }
}
