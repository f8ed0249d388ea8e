//! `POST /api/embed` and the older `POST /api/embeddings`.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time::nanoseconds;
use super::{common, keep_alive, named, reply};
use crate::app::State;
use crate::dialect::json;
use crate::error::{Code, Error};
use crate::registry::{Embed, EmbedInput, Embeddings, Target};
use crate::worker::Dimensions;

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    input: Option<Value>,
    truncate: Option<bool>,
    dimensions: Option<Value>,
    keep_alive: Option<Value>,
}

#[derive(Deserialize)]
struct OldBody {
    model: Option<String>,
    prompt: Option<String>,
    keep_alive: Option<Value>,
}

/// Texts to be embedded, and by which model.
#[derive(Debug)]
struct Parsed {
    target: Target,
    embed: Embed,
    ignored: Vec<String>,
}

#[derive(Serialize)]
struct Rows<'a> {
    model: &'a str,
    embeddings: &'a [Vec<f32>],
    total_duration: u64,
    load_duration: u64,
    prompt_eval_count: u32,
}

#[derive(Serialize)]
struct Row<'a> {
    embedding: &'a [f32],
}

pub(super) async fn embed(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let parsed = parse(&body)?;
    let vectors = vectors(state, &parsed).await?;
    let rows = Rows {
        model: parsed.target.model.as_deref().unwrap_or_default(),
        embeddings: &vectors.vectors,
        total_duration: nanoseconds(vectors.total),
        load_duration: nanoseconds(vectors.load),
        prompt_eval_count: vectors.tokens,
    };
    Ok(reply::json(reply::accepted(&parsed.ignored), &rows))
}

pub(super) async fn embeddings(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let parsed = parse_old(&body)?;
    let vectors = vectors(state, &parsed).await?;
    let row = Row { embedding: vectors.vectors.first().map_or(&[], Vec::as_slice) };
    Ok(reply::json(reply::accepted(&parsed.ignored), &row))
}

async fn vectors(state: &State, parsed: &Parsed) -> Result<Embeddings, Error> {
    let name = parsed.target.model.as_deref().unwrap_or_default();
    let about = |error| reply::about(name, error);
    if parsed.embed.inputs.is_empty() {
        // Nothing to do, but only for a model that there is.
        state.registry.model(Some(name)).await.map_err(about)?;
        let (load, total) = Default::default();
        return Ok(Embeddings { vectors: Vec::new(), tokens: 0, load, total });
    }
    state.registry.embed(&parsed.target, parsed.embed.clone()).await.map_err(|error| {
        match error.code {
            Code::ContextLengthExceeded => {
                Error { message: "the input length exceeds the context length".to_owned(), ..error }
            }
            _ => about(error),
        }
    })
}

fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let example = r#"{"model": "name", "input": "Hello"}"#;
    let (body, ignored) = common::parse::<Body>(body, example)?;
    let embed = Embed {
        inputs: inputs(body.input)?,
        dimensions: dimensions(body.dimensions.as_ref())?,
        truncate: body.truncate.unwrap_or(true),
    };
    Ok(Parsed { target: target(body.model, body.keep_alive)?, embed, ignored })
}

fn parse_old(body: &[u8]) -> Result<Parsed, Error> {
    let example = r#"{"model": "name", "prompt": "Hello"}"#;
    let (body, ignored) = common::parse::<OldBody>(body, example)?;
    let inputs = inputs(body.prompt.map(Value::String))?;
    let embed = Embed { inputs, dimensions: None, truncate: true };
    Ok(Parsed { target: target(body.model, body.keep_alive)?, embed, ignored })
}

fn target(model: Option<String>, keep_alive: Option<Value>) -> Result<Target, Error> {
    let keep_alive = keep_alive::parse(keep_alive.as_ref())?;
    Ok(Target { model: Some(named::existing(model)?), keep_alive })
}

fn inputs(input: Option<Value>) -> Result<Vec<EmbedInput>, Error> {
    let texts = match input {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        Some(text @ Value::String(_)) => vec![text],
        Some(Value::Array(texts)) => texts,
        Some(_) => return Err(invalid()),
    };
    let read = |(index, text)| match text {
        Value::String(text) => {
            json::no_nul(&format!("input[{index}]"), &text)?;
            Ok(EmbedInput::Text(text))
        }
        _ => Err(invalid()),
    };
    texts.into_iter().enumerate().map(read).collect()
}

fn invalid() -> Error {
    let mut error = Error::invalid("invalid input type: send input as a text or a list of texts");
    error.param = Some("input".to_owned());
    error
}

fn dimensions(value: Option<&Value>) -> Result<Option<Dimensions>, Error> {
    let Some(wanted) = super::number::integer("dimensions", value)? else { return Ok(None) };
    match u32::try_from(wanted) {
        // No number of dimensions means all of them.
        Ok(0) => Ok(None),
        Ok(wanted) => Ok(Some(Dimensions::AtMost(wanted))),
        Err(_) => Err(Error::invalid(format!("dimensions is {wanted}; send a number from 1 up"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: &str) -> Result<Embed, Error> {
        parse(format!(r#"{{"model": "m", {fields}}}"#).as_bytes()).map(|parsed| parsed.embed)
    }

    #[test]
    fn one_text_or_several_or_none() {
        let text = |text: &str| EmbedInput::Text(text.into());
        assert_eq!(with(r#""input": "a""#).unwrap().inputs, [text("a")]);
        assert_eq!(with(r#""input": ["a", ""]"#).unwrap().inputs, [text("a"), text("")]);
        for none in [r#""input": """#, r#""input": []"#, r#""input": null"#, r#""truncate": true"#]
        {
            assert_eq!(with(none).unwrap().inputs, [], "{none}");
        }
        let old = parse_old(br#"{"model": "m", "prompt": "a", "options": {}}"#).unwrap();
        assert_eq!(old.embed.inputs, [text("a")]);
        assert_eq!(old.ignored, ["options"]);
    }

    #[test]
    fn sizes_and_cutting() {
        let embed = with(r#""input": "a", "dimensions": 64, "truncate": false"#).unwrap();
        assert_eq!((embed.dimensions, embed.truncate), (Some(Dimensions::AtMost(64)), false));
        let embed = with(r#""input": "a", "dimensions": 0"#).unwrap();
        assert_eq!((embed.dimensions, embed.truncate), (None, true));
        assert!(with(r#""input": "a", "dimensions": -1"#).is_err());
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for input in [r#""input": [1, 2]"#, r#""input": 5"#, r#""input": {"a": 1}"#] {
            assert!(with(input).unwrap_err().message.starts_with("invalid input type"), "{input}");
        }
        let unnamed = parse(br#"{"input": "a"}"#).unwrap_err();
        assert_eq!(
            (unnamed.code, unnamed.message.as_str()),
            (Code::ModelNotFound, "model '' not found")
        );
    }
}
