//! Where models are kept and where they come from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The public hub.
const PUBLIC: &str = "https://huggingface.co";

/// What a [`Hub`](super::Hub) is made from.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The models directory; `None`: models can be neither added nor deleted.
    pub(crate) models: Option<PathBuf>,
    /// Address of the hub, without a slash at its end.
    pub(crate) endpoint: String,
    /// What the hub knows the user by.
    pub(crate) token: Option<Token>,
    /// Short names for models of the hub: `qwen3` for `hf.co/ORG/REPO:QUANT`.
    pub(crate) short_names: BTreeMap<String, String>,
}

impl Settings {
    /// The hub that the variables `HF_ENDPOINT` and `HF_TOKEN` name, else the public one.
    pub(crate) fn from_env(models: Option<PathBuf>) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| PUBLIC.to_owned());
        Self {
            models,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: variable("HF_TOKEN").map(Token),
            short_names: BTreeMap::new(),
        }
    }
}

/// A secret that is not printed.
#[derive(Clone)]
pub(crate) struct Token(pub(super) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_printed() {
        let settings = Settings {
            models: None,
            endpoint: PUBLIC.into(),
            token: Some(Token("hf_secret".into())),
            short_names: BTreeMap::new(),
        };
        let printed = format!("{settings:?}");
        assert!(printed.contains("Token(…)") && !printed.contains("secret"), "{printed}");
    }
}
