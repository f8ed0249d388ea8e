//! What bodies of all endpoints that generate text have in common.

use std::collections::HashSet;

use rkllm_api::Stop;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::content::no_nul;
use super::error::{invalid, unsupported};
use super::names::Names;
use crate::dialect::json;
use crate::error::Error;
use crate::generate::Tuning;

/// Most answers that one request may have.
const MAX_ANSWERS: i64 = 128;

/// The fields that all of these endpoints know.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Common {
    model: Option<String>,
    pub(super) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<i64>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<i64>,
    repetition_penalty: Option<f64>,
    repeat_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    seed: Option<i64>,
    stop: Option<Stop>,
    logit_bias: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// A body: the common fields, those of the endpoint, and the names of those that nobody knows.
///
/// The body is read twice because serde's way to put one struct into another, `flatten`, hides
/// unknown fields and where an error is.
pub(super) fn parse<T: DeserializeOwned>(
    body: &[u8],
    example: &str,
) -> Result<(Common, T, Vec<String>), Error> {
    let (common, foreign) = json::parse::<Common>(body, example)?;
    let (own, unknown) = json::parse::<T>(body, example)?;
    let ignored = unknown_to_both(&foreign, &unknown);
    Ok((common, own, ignored))
}

/// What neither of two types knows, given what each does not: of a field that only one knows, what
/// that one does not know inside it.
fn unknown_to_both(one: &[String], other: &[String]) -> Vec<String> {
    let set = |names: &[String]| names.iter().cloned().collect::<HashSet<_>>();
    let (in_one, in_other) = (set(one), set(other));
    let in_both = other.iter().filter(|name| in_one.contains(*name) || in_one.contains(top(name)));
    let inside =
        one.iter().filter(|name| !in_other.contains(*name) && in_other.contains(top(name)));
    in_both.chain(inside).cloned().collect()
}

/// The field of the body that a name is in.
fn top(name: &str) -> &str {
    name.split(['.', '[']).next().unwrap_or(name)
}

impl Common {
    /// The model's name, which a request must have.
    pub(super) fn model(&mut self) -> Result<String, Error> {
        model(self.model.take())
    }

    /// Whether a stream ends with the tokens that were used.
    pub(super) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or_default()
    }

    /// How many answers are wanted.
    pub(super) fn n(&self) -> Result<u32, Error> {
        match self.n {
            None => Ok(1),
            Some(n @ 1..=MAX_ANSWERS) => Ok(n as u32),
            Some(n) => {
                let message = format!("n is {n}; send an integer from 1 to {MAX_ANSWERS}");
                Err(invalid("n", message))
            }
        }
    }

    /// How the answer is generated, what the fields were called that said it, and in `ignored` what
    /// another field has overruled. `limit` is the number of tokens unless the body says it.
    pub(super) fn tuning(
        self,
        limit: Option<i64>,
        ignored: &mut Vec<String>,
    ) -> Result<(Tuning, Names), Error> {
        let mut names = Names::default();
        if self.logit_bias.is_some_and(|bias| !bias.is_empty()) {
            let message = "logit_bias is not supported; send the request without it";
            return Err(unsupported("logit_bias", message));
        }
        let max_new_tokens = match (self.max_completion_tokens, self.max_tokens) {
            (Some(count), older) => {
                names.say("max_new_tokens", "max_completion_tokens");
                ignored.extend(older.filter(|older| *older != count).map(|_| "max_tokens".into()));
                self::limit("max_completion_tokens", count)?
            }
            (None, Some(count)) => {
                names.say("max_new_tokens", "max_tokens");
                self::limit("max_tokens", count)?
            }
            (None, None) => {
                names.say("max_new_tokens", "max_tokens");
                limit
            }
        };
        if self.repetition_penalty.is_some() {
            names.say("repeat_penalty", "repetition_penalty");
            ignored.extend(self.repeat_penalty.map(|_| "repeat_penalty".into()));
        }
        let tuning = Tuning {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            repeat_penalty: self.repetition_penalty.or(self.repeat_penalty),
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            max_new_tokens,
            seed: self.seed,
            stop: self.stop.map(Stop::into_vec).unwrap_or_default(),
        };
        let tuning = checked(tuning, &mut names)?;
        Ok((tuning, names))
    }
}

/// A tuning that has a meaning, in the words of runtimes.
pub(super) fn checked(mut tuning: Tuning, names: &mut Names) -> Result<Tuning, Error> {
    tuning.check().map_err(|error| names.translate(error))?;
    for (index, stop) in tuning.stop.iter().enumerate() {
        no_nul(&format!("stop[{index}]"), stop)?;
    }
    // No share of the probability leaves the likeliest token alone, which runtimes do not know.
    if tuning.top_p == Some(0.0) {
        (tuning.top_p, tuning.temperature) = (None, Some(0.0));
        names.say("temperature", "top_p");
    }
    Ok(tuning)
}

/// The model's name, which a request must have.
pub(super) fn model(name: Option<String>) -> Result<String, Error> {
    name.filter(|name| !name.is_empty())
        .ok_or_else(|| invalid("model", "model is missing; send one of the names in /v1/models"))
}

/// A limit of tokens; -1 is none, and more than any context has is as good as none.
pub(super) fn limit(field: &str, count: i64) -> Result<Option<i64>, Error> {
    match count {
        -1 => Ok(None),
        1.. => Ok(Some(count.min(i64::from(i32::MAX)))),
        _ => {
            let message = format!("{field} is {count}; send an integer from 1, or -1 for no limit");
            Err(invalid(field, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Own {
        prompt: Option<Inner>,
    }

    #[derive(Deserialize)]
    struct Inner {
        text: Option<String>,
    }

    fn read(body: &str) -> (Common, Vec<String>) {
        let (common, _, ignored) = parse::<Own>(body.as_bytes(), "{}").unwrap();
        (common, ignored)
    }

    fn tuning(body: &str) -> Result<(Tuning, Names, Vec<String>), Error> {
        let (common, mut ignored) = read(body);
        let (tuning, names) = common.tuning(None, &mut ignored)?;
        Ok((tuning, names, ignored))
    }

    #[test]
    fn what_nobody_knows_is_named_once() {
        let body = r#"{"model": "m", "prompt": {"text": "hi", "mood": 1}, "mood": {"good": true},
            "a.b": 1, "stream_options": {"include_usage": true, "include_obfuscation": false}}"#;
        let (own, mut ignored) = {
            let (common, own, ignored) = parse::<Own>(body.as_bytes(), "{}").unwrap();
            assert!(common.include_usage());
            (own, ignored)
        };
        assert_eq!(own.prompt.unwrap().text.as_deref(), Some("hi"));
        ignored.sort();
        assert_eq!(ignored, ["a.b", "mood", "prompt.mood", "stream_options.include_obfuscation"]);
    }

    #[test]
    fn null_is_absent() {
        let body = r#"{"model": null, "stream": null, "stream_options": null, "n": null,
            "max_tokens": null, "max_completion_tokens": null, "temperature": null, "top_p": null,
            "top_k": null, "repetition_penalty": null, "repeat_penalty": null,
            "frequency_penalty": null, "presence_penalty": null, "seed": null, "stop": null,
            "logit_bias": null}"#;
        let (common, ignored) = read(body);
        assert_eq!((common.n().unwrap(), common.include_usage()), (1, false));
        assert_eq!(common.tuning(None, &mut Vec::new()).unwrap().0, Tuning::default());
        assert!(ignored.is_empty(), "{ignored:?}");
    }

    #[test]
    fn limits_have_two_names_and_no_upper_end() {
        let limit = |body: &str| tuning(body).unwrap().0.max_new_tokens;
        assert_eq!(limit(r#"{"max_tokens": 7}"#), Some(7));
        assert_eq!(limit(r#"{"max_tokens": 99999999999}"#), Some(i64::from(i32::MAX)));
        assert_eq!(limit(r#"{"max_tokens": -1}"#), None);
        let (both, names, ignored) =
            tuning(r#"{"max_tokens": 7, "max_completion_tokens": 5}"#).unwrap();
        assert_eq!(both.max_new_tokens, Some(5));
        assert_eq!(names.wire("max_new_tokens"), "max_completion_tokens");
        assert_eq!(ignored, ["max_tokens"]);
        let (common, mut ignored) = read("{}");
        let (tuning, _) = common.tuning(Some(16), &mut ignored).unwrap();
        assert_eq!(tuning.max_new_tokens, Some(16));
    }

    #[test]
    fn all_other_names_are_read() {
        let (tuning, names, ignored) = tuning(
            r#"{"temperature": 0.5, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.1,
                "repeat_penalty": 1.2, "frequency_penalty": 0.1, "presence_penalty": -0.1,
                "seed": -5, "stop": "x", "logit_bias": {}}"#,
        )
        .unwrap();
        let expected = Tuning {
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(40),
            repeat_penalty: Some(1.1),
            frequency_penalty: Some(0.1),
            presence_penalty: Some(-0.1),
            max_new_tokens: None,
            seed: Some(-5),
            stop: vec!["x".to_owned()],
        };
        assert_eq!(tuning, expected);
        assert_eq!(names.wire("repeat_penalty"), "repetition_penalty");
        assert_eq!(ignored, ["repeat_penalty"]);
    }

    #[test]
    fn a_share_of_nothing_is_greedy() {
        let (tuning, names, _) = tuning(r#"{"temperature": 1, "top_p": 0}"#).unwrap();
        assert_eq!((tuning.temperature, tuning.top_p), (Some(0.0), None));
        assert_eq!(names.wire("temperature"), "top_p");
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_its_name() {
        let mut said = Vec::new();
        for body in [
            r#"{"max_tokens": 0}"#,
            r#"{"max_completion_tokens": -2}"#,
            r#"{"temperature": 2.5}"#,
            r#"{"repetition_penalty": 0}"#,
            r#"{"stop": ["a", "b\u0000"]}"#,
            r#"{"logit_bias": {"5": -100}}"#,
        ] {
            let Err(error) = tuning(body) else { panic!("{body} is accepted") };
            said.push(format!("{}: {error}", error.param.as_deref().unwrap()));
        }
        for body in [r#"{"n": 0}"#, r#"{"n": 129}"#] {
            said.push(read(body).0.n().unwrap_err().message);
        }
        said.push(read("{}").0.model().unwrap_err().message);
        insta::assert_snapshot!(said.join("\n"), @"
        max_tokens: max_tokens is 0; send an integer from 1, or -1 for no limit
        max_completion_tokens: max_completion_tokens is -2; send an integer from 1, or -1 for no limit
        temperature: temperature is 2.5; send a number from 0 to 2
        repetition_penalty: repetition_penalty is 0.0; send a number from 0.01 to 10
        stop[1]: stop[1] contains U+0000 at byte 1, which models cannot take; remove it
        logit_bias: logit_bias is not supported; send the request without it
        n is 0; send an integer from 1 to 128
        n is 129; send an integer from 1 to 128
        model is missing; send one of the names in /v1/models
        ");
    }
}
