//! `POST /api/create`: a model from another one, or from uploaded files.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;

use super::options::Options;
use super::progress::{self, SUCCESS, Status};
use super::{common, named, reply};
use crate::app::State;
use crate::dialect::json;
use crate::error::{Code, Error};
use crate::hub::{Base, Changes, Creation, sha256};

const EXAMPLE: &str = r#"{"model": "pirate", "from": "name", "system": "You are a pirate."}"#;

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    name: Option<String>,
    from: Option<String>,
    files: Option<BTreeMap<String, String>>,
    system: Option<String>,
    parameters: Option<Options>,
    stream: Option<bool>,
    template: Option<String>,
    messages: Option<Vec<Value>>,
    adapters: Option<BTreeMap<String, Value>>,
    quantize: Option<String>,
    quantization: Option<String>,
    modelfile: Option<String>,
}

/// A model to be made.
#[derive(Debug)]
struct Parsed {
    creation: Creation,
    stream: bool,
    ignored: Vec<String>,
}

pub(super) async fn create(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let Parsed { mut creation, stream, ignored } = parse(&body)?;
    let store = state.hub.store()?;
    if let Base::Model(name) = &mut creation.base {
        let model = state.registry.model(Some(name)).await;
        *name = model.map_err(|error| reply::about(name, error))?.name;
    }
    let layers = layers(&creation.base);
    store.create(creation).await?;
    state.registry.rescan().await;
    if !stream {
        return Ok(reply::json(reply::accepted(&ignored), &Status::from(SUCCESS)));
    }
    let last = ["writing manifest", SUCCESS].map(Status::from);
    let all: Vec<_> = layers.into_iter().chain(last).map(Ok).collect();
    let whole = stream::iter([Ok(progress::lines(&all))]);
    Ok(progress::respond(&ignored, whole))
}

/// What the new model is made of, as lines.
fn layers(base: &Base) -> Vec<Status> {
    let layer = |name: &str| Status::from(format!("using existing layer {name}").as_str());
    match base {
        Base::Model(name) => vec![layer(name)],
        Base::Blobs(blobs) => {
            blobs.iter().map(|(_, sha256)| layer(&format!("sha256:{sha256}"))).collect()
        }
    }
}

fn parse(body: &[u8]) -> Result<Parsed, Error> {
    let (body, ignored) = common::parse::<Body>(body, EXAMPLE)?;
    let name = named::either(body.model.clone(), body.name.clone())?;
    refuse_what_cannot_be(&body)?;
    let base = base(body.from, body.files.unwrap_or_default())?;
    let system = body.system.filter(|system| !system.is_empty());
    json::no_nul("system", system.as_deref().unwrap_or_default())?;
    let parameters = body.parameters.unwrap_or_default();
    let context_length = parameters.context_length()?;
    if let Some(length) =
        context_length.filter(|length| !(1..=i64::from(i32::MAX)).contains(length))
    {
        return Err(Error::invalid(format!(
            "num_ctx is {length}; send an integer from 1 to {}",
            i32::MAX
        )));
    }
    let changes = Changes { system, sampling: parameters.tuning()?, context_length };
    let creation = Creation { name, base, changes };
    Ok(Parsed { creation, stream: body.stream.unwrap_or(true), ignored })
}

fn base(from: Option<String>, files: BTreeMap<String, String>) -> Result<Base, Error> {
    match from.filter(|from| !from.trim().is_empty()) {
        Some(_) if !files.is_empty() => {
            Err(Error::invalid("from and files are both there; send one of them"))
        }
        Some(from) => Ok(Base::Model(from)),
        None if files.is_empty() => Err(Error::invalid("neither 'from' or 'files' was specified")),
        None => files.into_iter().map(blob).collect::<Result<_, _>>().map(Base::Blobs),
    }
}

/// An uploaded file: its name, and its sha256 in hexadecimal.
fn blob((name, digest): (String, String)) -> Result<(String, String), Error> {
    let digits = sha256(&digest).ok_or_else(|| {
        Error::invalid(format!(
            "files[{name:?}] is no digest; send sha256: and 64 hexadecimal digits"
        ))
    })?;
    Ok((name, digits))
}

fn refuse_what_cannot_be(body: &Body) -> Result<(), Error> {
    let some = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let refused = [
        ("template", some(&body.template), "set it in the model's model.toml"),
        ("messages", body.messages.as_ref().is_some_and(|list| !list.is_empty()), "leave them out"),
        (
            "adapters",
            body.adapters.as_ref().is_some_and(|map| !map.is_empty()),
            "set lora in model.toml",
        ),
        ("quantize", some(&body.quantize) || some(&body.quantization), "upload a quantized model"),
        ("modelfile", some(&body.modelfile), "send from, system and parameters"),
    ];
    for (field, sent, instead) in refused {
        if sent {
            let message = format!("{field} is not supported here: {instead}");
            let mut error = Error::new(Code::Unsupported, message);
            error.param = Some(field.to_owned());
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(fields: &str) -> Result<Parsed, Error> {
        parse(format!(r#"{{"model": "pirate", {fields}}}"#).as_bytes())
    }

    #[test]
    fn from_another_model() {
        let parsed = with(
            r#""from": "base", "system": "Arr", "license": "x", "template": "",
               "parameters": {"temperature": 0.5, "num_ctx": 2048, "stop": ["x"], "mirostat": 0}"#,
        )
        .unwrap();
        let Creation { name, base, changes } = parsed.creation;
        assert_eq!((name.as_str(), base), ("pirate", Base::Model("base".into())));
        assert_eq!(changes.system.as_deref(), Some("Arr"));
        assert_eq!(changes.context_length, Some(2048));
        assert_eq!(changes.sampling.temperature, Some(0.5));
        assert_eq!(changes.sampling.stop, ["x"]);
        assert_eq!(parsed.ignored, ["license", "parameters.mirostat"]);
        assert!(parsed.stream);
    }

    #[test]
    fn from_uploads() {
        let digest = "AB".repeat(32);
        let parsed = with(&format!(r#""files": {{"m.gguf": "sha256:{digest}"}}"#)).unwrap();
        let blobs = vec![("m.gguf".to_owned(), digest.to_lowercase())];
        assert_eq!(parsed.creation.base, Base::Blobs(blobs));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let said = |fields| with(fields).unwrap_err().message;
        insta::assert_snapshot!(said(r#""system": "x""#), @"neither 'from' or 'files' was specified");
        insta::assert_snapshot!(said(r#""from": "b", "template": "x""#), @"template is not supported here: set it in the model's model.toml");
        insta::assert_snapshot!(said(r#""from": "b", "quantize": "q4_0""#), @"quantize is not supported here: upload a quantized model");
        insta::assert_snapshot!(said(r#""from": "b", "messages": [{}]"#), @"messages is not supported here: leave them out");
        insta::assert_snapshot!(said(r#""from": "b", "parameters": {"num_ctx": 0}"#), @"num_ctx is 0; send an integer from 1 to 2147483647");
        insta::assert_snapshot!(said(r#""files": {"m.gguf": "../../x"}"#), @r#"files["m.gguf"] is no digest; send sha256: and 64 hexadecimal digits"#);
        insta::assert_snapshot!(said(r#""from": "b", "files": {"m": "x"}"#), @"from and files are both there; send one of them");
        assert_eq!(parse(b"{}").unwrap_err().message, "model is required");
    }
}
