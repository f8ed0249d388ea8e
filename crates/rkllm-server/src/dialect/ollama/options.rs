//! `options`: how an answer is generated, in Ollama's words.

use rkllm_api::Stop;
use serde::Deserialize;
use serde_json::Value;

use super::number::{integer, real};
use crate::dialect::json;
use crate::error::Error;
use crate::generate::Tuning;

/// The options that can have an effect; all others are named as ignored.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Options {
    temperature: Option<Value>,
    top_p: Option<Value>,
    top_k: Option<Value>,
    repeat_penalty: Option<Value>,
    frequency_penalty: Option<Value>,
    presence_penalty: Option<Value>,
    num_predict: Option<Value>,
    seed: Option<Value>,
    stop: Option<Stop>,
    num_ctx: Option<Value>,
}

impl Options {
    /// The names of those that are there.
    pub(super) fn names(&self) -> Vec<String> {
        let numbers = [
            ("temperature", &self.temperature),
            ("top_p", &self.top_p),
            ("top_k", &self.top_k),
            ("repeat_penalty", &self.repeat_penalty),
            ("frequency_penalty", &self.frequency_penalty),
            ("presence_penalty", &self.presence_penalty),
            ("num_predict", &self.num_predict),
            ("seed", &self.seed),
            ("num_ctx", &self.num_ctx),
        ];
        let numbers = numbers.into_iter().filter(|(_, value)| value.is_some());
        let stop = self.stop.iter().map(|_| "stop");
        numbers.map(|(name, _)| name).chain(stop).map(|name| format!("options.{name}")).collect()
    }

    /// Tokens of prompt and answer together.
    pub(super) fn context_length(&self) -> Result<Option<i64>, Error> {
        integer("num_ctx", self.num_ctx.as_ref())
    }

    /// What they say of one answer.
    pub(super) fn tuning(self) -> Result<Tuning, Error> {
        let limit = integer("num_predict", self.num_predict.as_ref())?;
        let seed = integer("seed", self.seed.as_ref())?;
        let stop = self.stop.map(Stop::into_vec).unwrap_or_default();
        for (index, stop) in stop.iter().enumerate() {
            json::no_nul(&format!("stop[{index}]"), stop)?;
        }
        let tuning = Tuning {
            temperature: real("temperature", self.temperature.as_ref())?,
            top_p: real("top_p", self.top_p.as_ref())?,
            // Below 1 is no limit, which we write as 0.
            top_k: integer("top_k", self.top_k.as_ref())?.map(|count| count.max(0)),
            repeat_penalty: real("repeat_penalty", self.repeat_penalty.as_ref())?,
            frequency_penalty: real("frequency_penalty", self.frequency_penalty.as_ref())?,
            presence_penalty: real("presence_penalty", self.presence_penalty.as_ref())?,
            // 0 and below: as many as there is room for, which is what no number means.
            max_new_tokens: limit
                .filter(|limit| *limit > 0)
                .map(|limit| limit.min(i32::MAX.into())),
            // -1 is a random one, which is what no number means.
            seed: seed.filter(|seed| *seed != -1),
            // A text that is everywhere can end nothing; forms with a list of texts send it.
            stop: stop.into_iter().filter(|stop| !stop.is_empty()).collect(),
        };
        tuning.check()?;
        Ok(tuning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Options {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn all_that_have_an_effect() {
        let tuning = options(
            r#"{"temperature": 0.5, "top_p": "0.9", "top_k": 40.0, "repeat_penalty": 1.1,
                "frequency_penalty": 0, "presence_penalty": 0.5, "num_predict": 12, "seed": 7,
                "stop": ["a", "", "b"], "num_ctx": 99999}"#,
        );
        assert_eq!(tuning.context_length().unwrap(), Some(99999));
        let expected = Tuning {
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(40),
            repeat_penalty: Some(1.1),
            frequency_penalty: Some(0.0),
            presence_penalty: Some(0.5),
            max_new_tokens: Some(12),
            seed: Some(7),
            stop: vec!["a".into(), "b".into()],
        };
        assert_eq!(tuning.tuning().unwrap(), expected);
    }

    #[test]
    fn what_means_the_default_is_the_default() {
        for json in [
            "{}",
            r#"{"num_predict": -1, "seed": -1}"#,
            r#"{"num_predict": -2, "stop": []}"#,
            r#"{"num_predict": 0, "temperature": null, "stop": null}"#,
        ] {
            assert_eq!(options(json).tuning().unwrap(), Tuning::default(), "{json}");
        }
        assert_eq!(options(r#"{"top_k": -1}"#).tuning().unwrap().top_k, Some(0));
        assert_eq!(options(r#"{"stop": "x"}"#).tuning().unwrap().stop, ["x"]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let said = |json| options(json).tuning().unwrap_err().message;
        insta::assert_snapshot!(said(r#"{"temperature": "hot"}"#), @r#"temperature is "hot"; send a number"#);
        insta::assert_snapshot!(said(r#"{"temperature": 9}"#), @"temperature is 9.0; send a number from 0 to 2");
        insta::assert_snapshot!(said(r#"{"num_predict": 1.5}"#), @"num_predict is 1.5; send an integer");
        insta::assert_snapshot!(said(r#"{"stop": ["a\u0000"]}"#), @"stop[0] contains U+0000 at byte 1, which models cannot take; remove it");
    }
}
