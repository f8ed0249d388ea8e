//! What the owner of a model decides about it.

use std::path::PathBuf;

use serde::Deserialize;

use crate::generate::{Overflow, Tuning};
use crate::registry::KeepAlive;

/// Settings of one model; `None` leaves the choice to the server, or to the model itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// Chat template in Jinja, instead of the model's own.
    pub(crate) template: Option<String>,
    /// Name of the way in which the model writes tool calls.
    pub(crate) tool_format: Option<String>,
    /// What stands around the model's thoughts.
    pub(crate) reasoning: Option<Reasoning>,
    /// Whether a model that can think shall, when a request does not say.
    pub(crate) enable_thinking: Option<bool>,
    /// System message of conversations that have none.
    pub(crate) system: Option<String>,
    /// For requests that say nothing. The ranges are those of requests.
    pub(crate) sampling: Tuning,
    /// Tokens of prompt and answer together.
    pub(crate) context_length: Option<u32>,
    /// What becomes of conversations that are longer than the context.
    pub(crate) overflow: Option<Overflow>,
    /// The runtime library that shall run the model.
    pub(crate) runtime: Option<Library>,
    /// Time between the last answer and unloading.
    pub(crate) keep_alive: Option<KeepAlive>,
    /// Whether the model is never unloaded to make room for another one.
    pub(crate) pinned: bool,
    /// Adapter to use for every answer.
    pub(crate) lora: Option<Lora>,
    /// Tokens that end an answer, besides those that the model knows; from 0 to 2147483647.
    pub(crate) eos_token_ids: Vec<i32>,
    /// How one vector is made of a text's many.
    pub(crate) pooling: Option<Pooling>,
}

impl Settings {
    /// These settings where they say something, those of `base` elsewhere. Being pinned is not
    /// handed down: it is about a model, not about its use.
    pub(super) fn over(self, base: &Self) -> Self {
        let base = base.clone();
        Self {
            template: self.template.or(base.template),
            tool_format: self.tool_format.or(base.tool_format),
            reasoning: self.reasoning.or(base.reasoning),
            enable_thinking: self.enable_thinking.or(base.enable_thinking),
            system: self.system.or(base.system),
            sampling: self.sampling.over(base.sampling),
            context_length: self.context_length.or(base.context_length),
            overflow: self.overflow.or(base.overflow),
            runtime: self.runtime.or(base.runtime),
            keep_alive: self.keep_alive.or(base.keep_alive),
            pinned: self.pinned,
            lora: self.lora.or(base.lora),
            eos_token_ids: or(self.eos_token_ids, base.eos_token_ids),
            pooling: self.pooling.or(base.pooling),
        }
    }
}

fn or<T>(own: Vec<T>, base: Vec<T>) -> Vec<T> {
    if own.is_empty() { base } else { own }
}

/// What stands around the model's thoughts.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reasoning {
    /// What begins them, such as `<think>`; never empty.
    pub(crate) start: String,
    /// What ends them, such as `</think>`; never empty.
    pub(crate) end: String,
}

/// A runtime library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    /// This file.
    File(PathBuf),
    /// Whichever library has this version, such as `1.2.3`.
    Version(String),
}

/// A LoRA adapter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lora {
    /// Its file.
    pub(crate) path: PathBuf,
    /// How much of it is added to the weights; 1 is all, from -10 to 10.
    pub(crate) scale: f64,
}

/// How one vector is made of the vectors of a text's tokens.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pooling {
    /// The mean of all.
    Mean,
    /// The first one.
    Cls,
    /// The last one.
    Last,
}

impl Pooling {
    /// Its name, as it is written in settings.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::Last => "last",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_settings_win() {
        let base = Settings {
            system: Some("base".into()),
            template: Some("base".into()),
            pinned: true,
            eos_token_ids: vec![1],
            sampling: Tuning {
                temperature: Some(0.1),
                top_k: Some(1),
                stop: vec!["base".into()],
                ..Tuning::default()
            },
            ..Settings::default()
        };
        let own = Settings {
            system: Some("own".into()),
            sampling: Tuning { temperature: Some(0.9), ..Tuning::default() },
            ..Settings::default()
        };
        let both = own.over(&base);
        assert_eq!(both.system.as_deref(), Some("own"));
        assert_eq!(both.template.as_deref(), Some("base"));
        assert_eq!((both.sampling.temperature, both.sampling.top_k), (Some(0.9), Some(1)));
        assert_eq!(both.sampling.stop, ["base"]);
        assert_eq!(both.eos_token_ids, [1]);
        assert!(!both.pinned);
    }
}
