//! `POST /v1/embeddings`.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::common::model;
use super::error::{about, invalid};
use super::prompt::{Prompt, WirePrompt, prompts};
use super::reply::response;
use super::wire::PromptUsage;
use crate::app::State;
use crate::dialect::json;
use crate::error::Error;
use crate::registry::{Embed, EmbedInput, Embeddings, Target};
use crate::worker::Dimensions;

#[derive(Debug, Deserialize)]
struct Body {
    model: Option<String>,
    input: Option<WirePrompt>,
    encoding_format: Option<String>,
    dimensions: Option<i64>,
    truncate: Option<bool>,
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// As lists of numbers.
    Float,
    /// As Base64 of little-endian 32-bit floats.
    Base64,
}

/// A body in no dialect's words.
struct Parsed {
    model: String,
    embed: Embed,
    encoding: Encoding,
    ignored: Vec<String>,
}

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Entry>,
    model: String,
    usage: PromptUsage,
}

#[derive(Serialize)]
struct Entry {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Float(Vec<f32>),
    Base64(String),
}

pub(super) async fn answer(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let Parsed { model, embed, encoding, ignored } = parse(&body)?;
    let target = Target { model: Some(model.clone()), ..Target::default() };
    let embeddings = state.registry.embed(&target, embed).await.map_err(about("input"))?;
    Ok(response(&ignored).json(list(model, embeddings, encoding)))
}

fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let example = r#"{"model": "…", "input": "Hello"}"#;
    let (body, ignored) = json::parse::<Body>(body, example)?;
    let model = model(body.model)?;
    let encoding = match body.encoding_format.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(other) => {
            let message = format!("encoding_format is {other:?}; send \"float\" or \"base64\"");
            return Err(invalid("encoding_format", message));
        }
    };
    let dimensions = body.dimensions.map(|count| match u32::try_from(count) {
        Ok(count @ 1..) => Ok(Dimensions::Exactly(count)),
        _ => {
            let message = format!("dimensions is {count}; send an integer from 1");
            Err(invalid("dimensions", message))
        }
    });
    let inputs = prompts("input", body.input)?.into_iter().map(|prompt| match prompt {
        Prompt::Text(text) => EmbedInput::Text(text),
        Prompt::Tokens(tokens) => EmbedInput::Tokens(tokens),
    });
    let truncate = body.truncate.unwrap_or_default();
    let embed = Embed { inputs: inputs.collect(), dimensions: dimensions.transpose()?, truncate };
    Ok(Parsed { model, embed, encoding, ignored })
}

fn list(model: String, embeddings: Embeddings, encoding: Encoding) -> List {
    let entry = |(index, vector): (usize, Vec<f32>)| {
        let embedding = match encoding {
            Encoding::Float => Vector::Float(vector),
            Encoding::Base64 => Vector::Base64(base64(&vector)),
        };
        Entry { object: "embedding", index, embedding }
    };
    let data = embeddings.vectors.into_iter().enumerate().map(entry).collect();
    let usage = PromptUsage::from(embeddings.tokens);
    List { object: "list", data, model, usage }
}

fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn all_inputs_are_read() {
        let parsed = parse(
            br#"{"model": "m", "input": ["a", [1, 2]], "encoding_format": "base64",
                "dimensions": 64, "truncate": true, "user": "u"}"#,
        )
        .unwrap();
        let inputs = [EmbedInput::Text("a".to_owned()), EmbedInput::Tokens(vec![1, 2])];
        assert_eq!(parsed.embed.inputs, inputs);
        assert_eq!(
            (parsed.embed.dimensions, parsed.embed.truncate),
            (Some(Dimensions::Exactly(64)), true)
        );
        assert_eq!((parsed.encoding, parsed.ignored), (Encoding::Base64, vec!["user".to_owned()]));
        let plain = parse(br#"{"model": "m", "input": [7, 8], "dimensions": null}"#).unwrap();
        assert_eq!(plain.embed.inputs, [EmbedInput::Tokens(vec![7, 8])]);
        assert_eq!((plain.embed.dimensions, plain.embed.truncate), (None, false));
        assert_eq!(plain.encoding, Encoding::Float);
    }

    #[test]
    fn what_has_no_vector_is_refused() {
        let mut said = Vec::new();
        for body in [
            r#"{"input": "a"}"#,
            r#"{"model": "m"}"#,
            r#"{"model": "m", "input": ""}"#,
            r#"{"model": "m", "input": []}"#,
            r#"{"model": "m", "input": "a", "encoding_format": "x"}"#,
            r#"{"model": "m", "input": "a", "dimensions": 0}"#,
        ] {
            let Err(error) = parse(body.as_bytes()) else { panic!("{body} is accepted") };
            said.push(format!("{}: {error}", error.param.as_deref().unwrap()));
        }
        insta::assert_snapshot!(said.join("\n"), @r#"
        model: model is missing; send one of the names in /v1/models
        input: input is missing or empty; send a text
        input: input is empty; send a text
        input: input is missing or empty; send a text
        encoding_format: encoding_format is "x"; send "float" or "base64"
        dimensions: dimensions is 0; send an integer from 1
        "#);
    }

    #[test]
    fn vectors_are_written_as_asked() {
        let written = |encoding: Encoding| {
            let embeddings = Embeddings {
                vectors: vec![vec![0.6, 0.8], vec![-1.0, 0.0]],
                tokens: 4,
                load: Duration::ZERO,
                total: Duration::ZERO,
            };
            serde_json::to_string(&list("m".to_owned(), embeddings, encoding)).unwrap()
        };
        insta::assert_snapshot!(written(Encoding::Float), @r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.6,0.8]},{"object":"embedding","index":1,"embedding":[-1.0,0.0]}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}"#);
        insta::assert_snapshot!(written(Encoding::Base64), @r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"mpkZP83MTD8="},{"object":"embedding","index":1,"embedding":"AACAvwAAAAA="}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}"#);
    }
}
