//! `POST /api/generate`.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use rkllm_chat::{Message, Role};
use serde::Deserialize;
use serde_json::Value;

use super::common::{self, Wishes};
use super::line::Shape;
use super::options::Options;
use super::parsed::Parsed;
use super::{answer, message, named};
use crate::app::State;
use crate::dialect::json;
use crate::error::{Code, Error};
use crate::generate::Input;

const EXAMPLE: &str = r#"{"model": "name", "prompt": "Hello"}"#;

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    prompt: Option<String>,
    suffix: Option<String>,
    system: Option<String>,
    template: Option<String>,
    context: Option<Vec<i64>>,
    raw: Option<bool>,
    images: Option<Vec<Value>>,
    stream: Option<bool>,
    format: Option<Value>,
    options: Option<Options>,
    keep_alive: Option<Value>,
    think: Option<Value>,
    truncate: Option<bool>,
    logprobs: Option<bool>,
    top_logprobs: Option<i64>,
}

pub(super) async fn generate(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let parsed = parse(&body)?;
    answer::answer(state, parsed).await
}

fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let (body, mut ignored) = common::parse::<Body>(body, EXAMPLE)?;
    let model = named::existing(body.model)?;
    let wishes = Wishes {
        format: body.format,
        options: body.options,
        keep_alive: body.keep_alive,
        think: body.think,
        truncate: body.truncate,
        logprobs: body.logprobs,
        top_logprobs: body.top_logprobs,
    };
    let manner = wishes.check()?;
    let keep_alive = manner.keep_alive;
    message::no_images(&model, "images", body.images.as_deref())?;
    let text = Text {
        prompt: body.prompt.unwrap_or_default(),
        suffix: body.suffix.unwrap_or_default(),
        system: body.system.unwrap_or_default(),
        template: body.template.unwrap_or_default(),
        context: body.context.is_some_and(|context| !context.is_empty()),
        raw: body.raw.unwrap_or_default(),
    };
    let input = text.input(&mut ignored)?;
    let request = match input {
        Some(input) => Some(manner.request(input, Vec::new())),
        None => {
            ignored.extend(manner.unheard());
            None
        }
    };
    let stream = body.stream.unwrap_or(true);
    Ok(Parsed { model, request, keep_alive, stream, shape: Shape::Generate, ignored })
}

/// What is to be answered or continued; empty is absent.
struct Text {
    prompt: String,
    suffix: String,
    system: String,
    template: String,
    /// Whether there are tokens of an earlier answer.
    context: bool,
    raw: bool,
}

impl Text {
    fn input(self, ignored: &mut Vec<String>) -> Result<Option<Input>, Error> {
        let Self { prompt, suffix, system, template, context, raw } = self;
        for (name, text) in [("prompt", &prompt), ("suffix", &suffix), ("system", &system)] {
            json::no_nul(name, text)?;
        }
        if raw && (!template.is_empty() || !system.is_empty() || context) {
            return Err(Error::invalid("raw mode does not support template, system, or context"));
        }
        if !template.is_empty() {
            let message = "template is not supported: the model's own is used; leave it out, or set \
                           another one in the model's model.toml";
            let mut error = Error::new(Code::Unsupported, message);
            error.param = Some("template".to_owned());
            return Err(error);
        }
        if context {
            ignored.push("context".to_owned());
        }
        if prompt.is_empty() && suffix.is_empty() {
            return Ok(None);
        }
        if !suffix.is_empty() {
            if !system.is_empty() {
                ignored.push("system".to_owned());
            }
            return Ok(Some(Input::Text { prompt, suffix: Some(suffix) }));
        }
        if raw {
            return Ok(Some(Input::Text { prompt, suffix: None }));
        }
        let system = (!system.is_empty()).then(|| Message::new(Role::System, system));
        let messages = system.into_iter().chain([Message::new(Role::User, prompt)]).collect();
        Ok(Some(Input::chat(messages)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: &str) -> Result<Parsed, Error> {
        parse(format!(r#"{{"model": "m", {fields}}}"#).as_bytes())
    }

    fn input(fields: &str) -> Input {
        with(fields).unwrap().request.unwrap().input
    }

    #[test]
    fn a_prompt_is_a_message_unless_it_is_raw() {
        let hello = || Message::new(Role::User, "Hello");
        assert_eq!(input(r#""prompt": "Hello", "context": []"#), Input::chat(vec![hello()]));
        let system = Message::new(Role::System, "Be brief.");
        assert_eq!(
            input(r#""prompt": "Hello", "system": "Be brief.", "raw": false"#),
            Input::chat(vec![system, hello()])
        );
        let text = |suffix: Option<&str>| Input::Text {
            prompt: "Hello".into(),
            suffix: suffix.map(str::to_owned),
        };
        assert_eq!(input(r#""prompt": "Hello", "raw": true, "system": """#), text(None));
        assert_eq!(input(r#""prompt": "Hello", "suffix": "!""#), text(Some("!")));
    }

    #[test]
    fn without_a_prompt_the_model_is_meant() {
        for fields in [r#""prompt": """#, r#""keep_alive": 0"#, r#""prompt": "", "raw": true"#] {
            assert!(with(fields).unwrap().request.is_none(), "{fields}");
        }
        let parsed = with(r#""prompt": "", "options": {"num_ctx": 8192, "stop": "x"}"#).unwrap();
        assert_eq!(parsed.ignored, ["options.num_ctx", "options.stop"]);
    }

    #[test]
    fn memory_of_earlier_answers_is_not_there() {
        let parsed = with(r#""prompt": "Hello", "context": [1, 2]"#).unwrap();
        assert_eq!(parsed.ignored, ["context"]);
        let parsed = with(r#""prompt": "a", "suffix": "b", "system": "c""#).unwrap();
        assert_eq!(parsed.ignored, ["system"]);
    }

    #[test]
    fn each_fault_is_named() {
        let said = |fields: &str| with(fields).unwrap_err().message;
        let raw = "raw mode does not support template, system, or context";
        for field in [r#""system": "x""#, r#""template": "x""#, r#""context": [1]"#] {
            assert_eq!(said(&format!(r#""prompt": "a", "raw": true, {field}"#)), raw);
        }
        assert!(said(r#""prompt": "a", "template": "x""#).starts_with("template is not supported"));
        assert!(said(r#""prompt": "a", "images": ["x"]"#).contains("does not support images"));
        assert!(said(r#""prompt": "a\u0000""#).starts_with("prompt contains U+0000"));
        let unnamed = parse(br#"{"prompt": "a"}"#).unwrap_err();
        assert_eq!(
            (unnamed.code, unnamed.message.as_str()),
            (Code::ModelNotFound, "model '' not found")
        );
    }
}
