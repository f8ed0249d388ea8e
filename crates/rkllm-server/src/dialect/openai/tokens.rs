//! `POST /tokenize` and `POST /detokenize`, as llama.cpp and vLLM have them.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use serde::{Deserialize, Serialize};

use super::content::no_nul;
use super::error::{about, invalid, unsupported};
use super::reply::response;
use crate::app::State;
use crate::dialect::json;
use crate::error::Error;
use crate::registry::Target;

#[derive(Debug, Deserialize)]
struct TokenizeBody {
    model: Option<String>,
    content: Option<String>,
    prompt: Option<String>,
    parse_special: Option<bool>,
    add_special: Option<bool>,
    add_special_tokens: Option<bool>,
    with_pieces: Option<bool>,
    return_token_strs: Option<bool>,
}

/// A body in no dialect's words.
#[derive(Debug)]
struct Tokenize {
    model: Option<String>,
    text: String,
    special: bool,
    ignored: Vec<String>,
}

#[derive(Serialize)]
struct Tokens {
    tokens: Vec<i32>,
    count: usize,
}

#[derive(Debug, Deserialize)]
struct DetokenizeBody {
    model: Option<String>,
    tokens: Vec<i32>,
}

/// A text under the names that the two have for it.
#[derive(Serialize)]
struct Text<'a> {
    content: &'a str,
    prompt: &'a str,
}

pub(super) async fn tokenize(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let Tokenize { model, text, special, ignored } = parse(&body)?;
    let target = Target { model, ..Target::default() };
    let tokens = state.registry.tokenize(&target, text, special).await;
    let tokens = tokens.map_err(about("content"))?;
    Ok(response(&ignored).json(Tokens { count: tokens.len(), tokens }))
}

pub(super) async fn detokenize(state: &State, body: Bytes) -> Result<HttpResponse, Error> {
    let (body, ignored) = json::parse::<DetokenizeBody>(&body, r#"{"tokens": [1, 2, 3]}"#)?;
    let target = Target { model: body.model, ..Target::default() };
    let text = state.registry.detokenize(&target, body.tokens).await.map_err(about("tokens"))?;
    Ok(response(&ignored).json(Text { content: &text, prompt: &text }))
}

fn parse(body: &[u8]) -> Result<Tokenize, Error> {
    let (body, mut ignored) = json::parse::<TokenizeBody>(body, r#"{"content": "Hello"}"#)?;
    for (field, asked) in
        [("with_pieces", body.with_pieces), ("return_token_strs", body.return_token_strs)]
    {
        if asked == Some(true) {
            let message = format!("{field} is not supported; send the tokens to /detokenize");
            return Err(unsupported(field, message));
        }
    }
    // What a model puts before its prompts is part of its chat template.
    for (field, asked) in
        [("add_special", body.add_special), ("add_special_tokens", body.add_special_tokens)]
    {
        if asked == Some(true) {
            ignored.push(field.to_owned());
        }
    }
    let (field, text) = match (body.content, body.prompt) {
        (Some(text), None) => ("content", text),
        (None, Some(text)) => ("prompt", text),
        (Some(_), Some(_)) => {
            return Err(invalid("prompt", "content and prompt are one field; send one of the two"));
        }
        (None, None) => return Err(invalid("content", "content is missing; send a text")),
    };
    no_nul(field, &text)?;
    let special = body.parse_special.unwrap_or(true);
    Ok(Tokenize { model: body.model, text, special, ignored })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Tokenize, Error> {
        parse(body.as_bytes())
    }

    #[test]
    fn both_shapes_are_read() {
        let llama = read(r#"{"content": "hi", "add_special": false, "parse_special": false}"#);
        let llama = llama.unwrap();
        assert_eq!((llama.text.as_str(), llama.special), ("hi", false));
        assert!(llama.ignored.is_empty());
        let vllm = read(r#"{"model": "m", "prompt": "", "add_special_tokens": true}"#).unwrap();
        assert_eq!((vllm.text.as_str(), vllm.special), ("", true));
        assert_eq!((vllm.model.as_deref(), vllm.ignored.len()), (Some("m"), 1));
        assert_eq!(vllm.ignored, ["add_special_tokens"]);
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let mut said = Vec::new();
        for body in [
            "{}",
            r#"{"messages": []}"#,
            r#"{"content": "a", "prompt": "b"}"#,
            r#"{"content": "a\u0000"}"#,
            r#"{"content": "a", "with_pieces": true}"#,
            r#"{"prompt": "a", "return_token_strs": true}"#,
        ] {
            let error = read(body).unwrap_err();
            said.push(format!("{}: {error}", error.param.as_deref().unwrap()));
        }
        insta::assert_snapshot!(said.join("\n"), @"
        content: content is missing; send a text
        content: content is missing; send a text
        prompt: content and prompt are one field; send one of the two
        content: content contains U+0000 at byte 1, which models cannot take; remove it
        with_pieces: with_pieces is not supported; send the tokens to /detokenize
        return_token_strs: return_token_strs is not supported; send the tokens to /detokenize
        ");
    }

    #[test]
    fn answers_have_both_shapes() {
        let tokens = Tokens { tokens: vec![1, 2], count: 2 };
        insta::assert_snapshot!(serde_json::to_string(&tokens).unwrap(), @r#"{"tokens":[1,2],"count":2}"#);
        let text = Text { content: "a", prompt: "a" };
        insta::assert_snapshot!(serde_json::to_string(&text).unwrap(), @r#"{"content":"a","prompt":"a"}"#);
    }
}
