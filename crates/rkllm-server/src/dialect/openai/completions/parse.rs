//! Bodies of completions as requests.

use serde::Deserialize;
use serde_json::Value;

use crate::dialect::openai::answers::Series;
use crate::dialect::openai::common;
use crate::dialect::openai::content::no_nul;
use crate::dialect::openai::error::{invalid, unsupported};
use crate::dialect::openai::prompt::{Prompt, WirePrompt, prompts};
use crate::dialect::openai::reply::{Asked, StreamEnd};
use crate::error::Error;
use crate::generate::{Input, Request};

/// Tokens of an answer unless the body says it, as OpenAI has it: texts have no end by themselves.
const DEFAULT_LIMIT: i64 = 16;

/// A body and the prompts that shall stand before their answers; none unless asked for.
pub(super) struct Parsed {
    pub(super) asked: Asked,
    pub(super) echo: Vec<Prompt>,
}

/// The fields that only completions know.
#[derive(Debug, Deserialize)]
struct Body {
    prompt: Option<WirePrompt>,
    suffix: Option<String>,
    echo: Option<bool>,
    best_of: Option<i64>,
    logprobs: Option<Value>,
}

const EXAMPLE: &str = r#"{"model": "…", "prompt": "Once upon a time"}"#;

pub(super) fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let (mut common, body, mut ignored) = common::parse::<Body>(body, EXAMPLE)?;
    let model = common.model()?;
    let stream = common.stream.unwrap_or_default();
    let stream = stream.then(|| StreamEnd { usage: common.include_usage() });
    let n = common.n()?;
    body.refuse(n)?;
    let (tuning, names) = common.tuning(Some(DEFAULT_LIMIT), &mut ignored)?;
    let prompts = prompts("prompt", body.prompt)?;
    let suffix = body.suffix.filter(|suffix| !suffix.is_empty());
    no_nul("suffix", suffix.as_deref().unwrap_or_default())?;
    let echo = if body.echo.unwrap_or_default() { prompts.clone() } else { Vec::new() };
    let requests = prompts.into_iter().map(|prompt| {
        let input = input(prompt, suffix.clone())?;
        Ok(Request { input, tuning: tuning.clone(), ..Request::default() })
    });
    let series = Series::new(requests.collect::<Result<_, _>>()?, n);
    Ok(Parsed { asked: Asked { model, series, stream, names, ignored }, echo })
}

fn input(prompt: Prompt, suffix: Option<String>) -> Result<Input, Error> {
    match (prompt, suffix) {
        (Prompt::Text(prompt), suffix) => Ok(Input::Text { prompt, suffix }),
        (Prompt::Tokens(tokens), None) => Ok(Input::Tokens(tokens)),
        (Prompt::Tokens(_), Some(_)) => {
            let message = "suffix stands beside a prompt of tokens; send the prompt as text";
            Err(invalid("suffix", message))
        }
    }
}

impl Body {
    fn refuse(&self, n: u32) -> Result<(), Error> {
        let asked = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
        let field = if self.logprobs.as_ref().is_some_and(asked) {
            "logprobs"
        } else if self.best_of.is_some_and(|best_of| best_of != i64::from(n)) {
            "best_of"
        } else {
            return Ok(());
        };
        let message = format!("{field} is not supported; send the request without it");
        Err(unsupported(field, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(body: &str) -> Vec<Request> {
        parse(body.as_bytes()).unwrap().asked.series.collect()
    }

    #[test]
    fn each_prompt_is_a_request() {
        let inputs = |body: &str| -> Vec<Input> {
            requests(body).into_iter().map(|request| request.input).collect()
        };
        let text = |text: &str| Input::Text { prompt: text.to_owned(), suffix: None };
        assert_eq!(inputs(r#"{"model": "m", "prompt": "a"}"#), [text("a")]);
        assert_eq!(
            inputs(r#"{"model": "m", "prompt": ["a", "b"], "n": 2}"#),
            [text("a"), text("a"), text("b"), text("b")]
        );
        let tokens = inputs(r#"{"model": "m", "prompt": [[1, 2], [3]], "suffix": ""}"#);
        assert_eq!(tokens, [Input::Tokens(vec![1, 2]), Input::Tokens(vec![3])]);
        let filled = inputs(r#"{"model": "m", "prompt": "a", "suffix": "z", "best_of": 1}"#);
        let suffix = Some("z".to_owned());
        assert_eq!(filled, [Input::Text { prompt: "a".to_owned(), suffix }]);
    }

    #[test]
    fn sixteen_tokens_unless_asked_for_more() {
        let limit = |body: &str| requests(body)[0].tuning.max_new_tokens;
        assert_eq!(limit(r#"{"model": "m", "prompt": "a"}"#), Some(16));
        assert_eq!(limit(r#"{"model": "m", "prompt": "a", "max_tokens": 500}"#), Some(500));
        assert_eq!(limit(r#"{"model": "m", "prompt": "a", "max_tokens": -1}"#), None);
    }

    #[test]
    fn prompts_are_kept_for_an_echo() {
        let echo = |echo: &str| {
            let body = format!(r#"{{"model": "m", "prompt": ["a", "b"], "echo": {echo}}}"#);
            parse(body.as_bytes()).unwrap().echo.len()
        };
        assert_eq!((echo("true"), echo("false"), echo("null")), (2, 0, 0));
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let mut said = Vec::new();
        for body in [
            r#"{"prompt": "a"}"#,
            r#"{"model": "m"}"#,
            r#"{"model": "m", "prompt": {}}"#,
            r#"{"model": "m", "prompt": [1, -2]}"#,
            r#"{"model": "m", "prompt": "a", "best_of": 3}"#,
            r#"{"model": "m", "prompt": "a", "logprobs": 0}"#,
            r#"{"model": "m", "prompt": "a", "logprobs": true}"#,
            r#"{"model": "m", "prompt": [1], "suffix": "z"}"#,
            r#"{"model": "m", "prompt": "a", "n": 0}"#,
        ] {
            let Err(error) = parse(body.as_bytes()) else { panic!("{body} is accepted") };
            said.push(format!("{}: {error}", error.param.as_deref().unwrap()));
        }
        insta::assert_snapshot!(said.join("\n"), @r#"
        model: model is missing; send one of the names in /v1/models
        prompt: prompt is missing or empty; send a text
        prompt: prompt: invalid type: map, expected a string or a list at line 1 column 27; send for example {"model": "…", "prompt": "Once upon a time"}
        prompt[1]: prompt[1]: invalid value: integer `-2`, expected a string, a token or a list of tokens at line 1 column 31; send for example {"model": "…", "prompt": "Once upon a time"}
        best_of: best_of is not supported; send the request without it
        logprobs: logprobs is not supported; send the request without it
        logprobs: logprobs is not supported; send the request without it
        suffix: suffix stands beside a prompt of tokens; send the prompt as text
        n: n is 0; send an integer from 1 to 128
        "#);
    }

    #[test]
    fn what_means_nothing_here_is_listed() {
        let body = br#"{"model": "m", "prompt": "a", "logprobs": false, "user": "u",
            "messages": [], "tools": []}"#;
        let ignored = parse(body).unwrap().asked.ignored;
        assert_eq!(ignored, ["user", "messages", "tools"]);
    }
}
