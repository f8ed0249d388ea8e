//! How a model's makers generate with it.

use std::path::Path;

use serde::Deserialize;

use super::file::wrong;
use crate::Error;

/// Sampling that a model's makers recommend; `None` where they say nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SamplingDefaults {
    /// Randomness; 0 takes the most probable token always.
    pub temperature: Option<f32>,
    /// The share of probability that tokens are chosen from, 0 to 1.
    pub top_p: Option<f32>,
    /// The number of tokens that one is chosen from; 0 for all.
    pub top_k: Option<u32>,
    /// What repeated tokens are divided by; 1 for no effect.
    pub repetition_penalty: Option<f32>,
}

/// `generation_config.json`
#[derive(Debug, Default, Deserialize)]
pub(super) struct GenerationFile {
    pub(super) eos_token_id: Option<TokenIds>,
    do_sample: Option<bool>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<i64>,
    repetition_penalty: Option<f32>,
}

/// One token or several.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a token's number or a list of them")]
pub(super) enum TokenIds {
    One(i32),
    Many(Vec<i32>),
}

impl TokenIds {
    pub(super) fn into_vec(self) -> Vec<i32> {
        match self {
            Self::One(token) => vec![token],
            Self::Many(tokens) => tokens,
        }
    }
}

impl GenerationFile {
    /// The recommended sampling. `do_sample: false` is a temperature of zero.
    pub(super) fn sampling(&self, path: &Path) -> Result<SamplingDefaults, Error> {
        let within = |field, value: Option<f32>, most: f32| match value {
            Some(value) if !(0.0..=most).contains(&value) => {
                Err(wrong(path, field, &format!("{value} is not between 0 and {most}")))
            }
            value => Ok(value),
        };
        let temperature = within("temperature", self.temperature, f32::MAX)?;
        let greedy = self.do_sample == Some(false);
        let penalty = within("repetition_penalty", self.repetition_penalty, f32::MAX)?;
        if penalty == Some(0.0) {
            return Err(wrong(path, "repetition_penalty", "0 would divide by zero"));
        }
        // Some files say -1 for all.
        let top_k = self.top_k.map(|count| u32::try_from(count.max(0)));
        let top_k =
            top_k.transpose().map_err(|_| wrong(path, "top_k", "the number is too great"))?;
        Ok(SamplingDefaults {
            temperature: if greedy { Some(0.0) } else { temperature },
            top_p: within("top_p", self.top_p, 1.0)?,
            top_k,
            repetition_penalty: penalty,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(json: &str) -> Result<SamplingDefaults, Error> {
        let file: GenerationFile = serde_json::from_str(json).unwrap();
        file.sampling(Path::new("generation_config.json"))
    }

    #[test]
    fn what_is_not_said_stays_open() {
        assert_eq!(sampling("{}").unwrap(), SamplingDefaults::default());
        assert_eq!(
            sampling(r#"{"do_sample":true,"temperature":0.6,"top_p":0.95,"top_k":20}"#).unwrap(),
            SamplingDefaults {
                temperature: Some(0.6),
                top_p: Some(0.95),
                top_k: Some(20),
                repetition_penalty: None
            }
        );
    }

    #[test]
    fn no_sampling_is_temperature_zero() {
        let greedy = sampling(r#"{"do_sample":false,"temperature":0.7,"top_k":-1}"#).unwrap();
        assert_eq!((greedy.temperature, greedy.top_k), (Some(0.0), Some(0)));
    }

    #[test]
    fn impossible_values_are_named() {
        let error = |json| sampling(json).unwrap_err().to_string();
        insta::assert_snapshot!(
            error(r#"{"top_p":1.5}"#),
            @"generation_config.json, top_p: 1.5 is not between 0 and 1; mend the file or remove it"
        );
        assert!(error(r#"{"temperature":-1}"#).contains("temperature"));
        assert!(error(r#"{"repetition_penalty":0}"#).contains("repetition_penalty"));
        assert!(error(r#"{"top_k":99999999999}"#).contains("top_k"));
    }
}
