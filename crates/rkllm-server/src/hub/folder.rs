//! Names that clients give, as folders of the models directory.

use crate::error::Error;

/// Longest name in bytes; files in the folder and beside it have longer ones.
const MAX: usize = 200;
/// Most folders below one another that are searched for models.
const MAX_DEPTH: usize = 3;

/// The folder of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Path from the models directory: up to three plain components.
    pub(super) path: String,
    /// What clients call the model where the folder cannot be named like that.
    pub(super) alias: Option<String>,
}

impl Folder {
    /// The folder for a model of that name: `name`, `name:tag`, `space/name:tag`.
    ///
    /// # Errors
    /// When a folder in the models directory cannot be called like that.
    pub(crate) fn for_model(name: &str) -> Result<Self, Error> {
        let plain = without_latest(name);
        let path = match plain.rsplit_once(':') {
            Some((base, tag)) if !tag.contains('/') => format!("{base}-{tag}"),
            _ => plain.to_owned(),
        };
        let alias = (path != plain).then(|| plain.to_owned());
        if path.len() > MAX || !is_path(&path) || path.split('/').count() > MAX_DEPTH {
            return Err(invalid(name));
        }
        Ok(Self { path, alias })
    }
}

/// The name without the tag that means no tag.
pub(super) fn without_latest(name: &str) -> &str {
    let name = name.trim();
    name.strip_suffix(":latest").unwrap_or(name)
}

/// Whether all parts between slashes are plain.
pub(super) fn is_path(path: &str) -> bool {
    path.split('/').all(is_plain)
}

/// Whether `part` can be a path component as it stands: letters, digits, `.`, `_`, `-`, and does not
/// begin with a dot.
pub(super) fn is_plain(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !part.is_empty() && part.len() <= MAX && !part.starts_with('.') && part.chars().all(allowed)
}

fn invalid(name: &str) -> Error {
    let shown: String = name.chars().take(MAX).collect();
    Error::invalid(format!(
        "invalid model name {shown:?}; use letters, digits, '.', '_' and '-', as in name, name:tag or \
         space/name:tag, at most {MAX} in all"
    ))
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folders_are_named_like_their_models() {
        let folder = |name| {
            let folder = Folder::for_model(name).unwrap();
            (folder.path, folder.alias)
        };
        assert_eq!(folder("pirate"), ("pirate".into(), None));
        assert_eq!(folder(" Pirate:latest"), ("Pirate".into(), None));
        assert_eq!(folder("pirate:v2"), ("pirate-v2".into(), Some("pirate:v2".into())));
        assert_eq!(folder("me/pirate:v2"), ("me/pirate-v2".into(), Some("me/pirate:v2".into())));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "", ".", "..", "../x", "/etc/x", "a//b", "a/../b", ".hidden", "a:b:c", "a\0", "a b",
            "a/b/c/d",
        ] {
            let error = Folder::for_model(name).unwrap_err().message;
            assert!(error.starts_with("invalid model name"), "{error}");
        }
        Folder::for_model(&"x".repeat(201)).unwrap_err();
    }

    proptest! {
        #[test]
        fn a_folder_is_below_the_models_directory(name in "[a-zA-Z0-9./:_\\-~\\\\]{0,20}") {
            if let Ok(folder) = Folder::for_model(&name) {
                let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
                prop_assert!(Path::new(&folder.path).components().all(plain), "{:?}", folder);
                prop_assert!(!folder.path.starts_with('.') && !folder.path.contains("/."));
            }
        }
    }
}
