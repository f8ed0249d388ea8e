//! `POST /api/chat`.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::common::{self, Wishes};
use super::line::Shape;
use super::message::{self, WireMessage};
use super::options::Options;
use super::parsed::Parsed;
use super::tool::{self, WireTool};
use super::{answer, named};
use crate::app::State;
use crate::error::Error;
use crate::generate::Input;

const EXAMPLE: &str = r#"{"model": "name", "messages": [{"role": "user", "content": "Hello"}]}"#;

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    messages: Option<Vec<WireMessage>>,
    tools: Option<Vec<WireTool>>,
    stream: Option<bool>,
    format: Option<Value>,
    options: Option<Options>,
    keep_alive: Option<Value>,
    think: Option<Value>,
    truncate: Option<bool>,
    logprobs: Option<bool>,
    top_logprobs: Option<i64>,
}

pub(super) async fn chat(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let parsed = parse(&body)?;
    answer::answer(state, parsed).await
}

fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let (body, mut ignored) = common::parse::<Body>(body, EXAMPLE)?;
    let model = named::required(body.model)?;
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
    let tools = tool::tools(body.tools.unwrap_or_default())?;
    let messages = message::messages(&model, body.messages.unwrap_or_default())?;
    let request = match messages.is_empty() {
        true => {
            ignored.extend(manner.unheard());
            None
        }
        false => Some(manner.request(Input::chat(messages), tools)),
    };
    let stream = body.stream.unwrap_or(true);
    Ok(Parsed { model, request, keep_alive, stream, shape: Shape::Chat, ignored })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Format, Request};
    use crate::registry::KeepAlive;

    const HELLO: &str = r#""model": "m", "messages": [{"role": "user", "content": "Hello"}]"#;

    fn with(fields: &str) -> Result<Parsed, Error> {
        parse(format!("{{{HELLO}, {fields}}}").as_bytes())
    }

    fn request(fields: &str) -> Request {
        with(fields).unwrap().request.unwrap()
    }

    #[test]
    fn streams_unless_told_otherwise() {
        assert!(parse(format!("{{{HELLO}}}").as_bytes()).unwrap().stream);
        assert!(with(r#""stream": null"#).unwrap().stream);
        assert!(!with(r#""stream": false"#).unwrap().stream);
    }

    #[test]
    fn what_clients_send_without_meaning_anything_means_nothing() {
        let parsed = with(
            r#""tools": [], "format": "", "options": {}, "think": null, "keep_alive": "-1s",
               "logprobs": false"#,
        )
        .unwrap();
        assert_eq!(parsed.keep_alive, Some(KeepAlive::Forever));
        assert!(parsed.ignored.is_empty(), "{:?}", parsed.ignored);
        let plain = parse(format!("{{{HELLO}}}").as_bytes()).unwrap().request;
        assert_eq!(parsed.request, plain);
    }

    #[test]
    fn everything_that_has_an_effect() {
        let request = request(
            r#""tools": [{"type": "function", "function": {"name": "f"}}], "think": false,
               "format": "json", "options": {"num_predict": 3, "stop": "x", "temperature": 0}"#,
        );
        assert_eq!(request.tools[0].name, "f");
        assert_eq!(request.enable_thinking, Some(false));
        assert_eq!(request.format, Format::JsonObject);
        assert_eq!(request.tuning.max_new_tokens, Some(3));
        assert_eq!(request.tuning.stop, ["x"]);
        assert_eq!(request.tuning.temperature, Some(0.0));
    }

    #[test]
    fn what_has_no_effect_is_listed() {
        let parsed = with(
            r#""options": {"num_ctx": 999999, "min_p": 0.1, "useMLock": true}, "shift": true,
               "template": "x""#,
        );
        let ignored = parsed.unwrap().ignored;
        assert_eq!(ignored, ["options.min_p", "options.useMLock", "shift", "template"]);
    }

    #[test]
    fn without_messages_the_model_is_meant() {
        for body in [r#"{"model": "m"}"#, r#"{"model": "m", "messages": [], "keep_alive": 0}"#] {
            assert!(parse(body.as_bytes()).unwrap().request.is_none());
        }
    }

    #[test]
    fn each_fault_is_named() {
        let said = |body: &str| parse(body.as_bytes()).unwrap_err().message;
        assert_eq!(said(""), "missing request body");
        assert_eq!(said("{}"), "model is required");
        assert_eq!(said(r#"{"model": " "}"#), "model is required");
        assert!(said("{").starts_with("the request body is not valid JSON"));
        let said = |fields| with(fields).unwrap_err().message;
        assert!(said(r#""stream": "yes""#).starts_with("stream: invalid type"));
        assert!(said(r#""keep_alive": "soon""#).contains("keep_alive"));
        assert!(said(r#""think": "x""#).starts_with("invalid think value"));
        assert!(said(r#""format": "xml""#).starts_with("invalid format"));
        assert!(said(r#""options": {"stop": 5}"#).starts_with("options.stop: "));
        assert!(said(r#""logprobs": true"#).starts_with("logprobs is not supported"));
    }
}
