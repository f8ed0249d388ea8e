//! Texts that come as a string, as tokens, or as a list of either.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Unexpected, Visitor};

use super::content::no_nul;
use super::either::TextOrList;
use super::error::invalid;
use crate::error::Error;

/// Most texts in one request.
const MAX_PROMPTS: usize = 2048;

/// `prompt` or `input` as it came.
pub(super) type WirePrompt = TextOrList<Element>;

/// One entry of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    Text(String),
    Token(i32),
    Tokens(Vec<i32>),
}

/// One text, or its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    Text(String),
    Tokens(Vec<i32>),
}

/// The texts of a field; at least one, and none of them empty.
pub(super) fn prompts(field: &str, wire: Option<WirePrompt>) -> Result<Vec<Prompt>, Error> {
    let prompts = match wire {
        None => Vec::new(),
        Some(WirePrompt::Text(text)) => vec![Prompt::Text(text)],
        Some(WirePrompt::List(list)) => self::list(field, list)?,
    };
    if prompts.is_empty() {
        return Err(invalid(field, format!("{field} is missing or empty; send a text")));
    }
    if prompts.len() > MAX_PROMPTS {
        let count = prompts.len();
        let message = format!("{field} has {count} texts; send at most {MAX_PROMPTS} at a time");
        return Err(invalid(field, message));
    }
    for (index, prompt) in prompts.iter().enumerate() {
        let path = if prompts.len() == 1 { field.to_owned() } else { format!("{field}[{index}]") };
        match prompt {
            Prompt::Text(text) if !text.is_empty() => no_nul(&path, text)?,
            Prompt::Tokens(tokens) if !tokens.is_empty() => {
                if let Some(token) = tokens.iter().find(|token| **token < 0) {
                    let message = format!("{path} has the token {token}; tokens count from 0");
                    return Err(invalid(path, message));
                }
            }
            _ => {
                let message = format!("{path} is empty; send a text");
                return Err(invalid(path, message));
            }
        }
    }
    Ok(prompts)
}

/// Tokens beside each other are one text.
fn list(field: &str, list: Vec<Element>) -> Result<Vec<Prompt>, Error> {
    let tokens = list.iter().filter(|element| matches!(element, Element::Token(_))).count();
    if tokens > 0 && tokens < list.len() {
        let message = format!("{field} mixes tokens with texts; send lists of tokens beside texts");
        return Err(invalid(field, message));
    }
    let (mut prompts, mut tokens) = (Vec::new(), Vec::new());
    for element in list {
        match element {
            Element::Text(text) => prompts.push(Prompt::Text(text)),
            Element::Tokens(tokens) => prompts.push(Prompt::Tokens(tokens)),
            Element::Token(token) => tokens.push(token),
        }
    }
    if !tokens.is_empty() {
        prompts.push(Prompt::Tokens(tokens));
    }
    Ok(prompts)
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token or a list of tokens")
    }

    fn visit_str<E>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Element, E> {
        Ok(Element::Text(text))
    }

    fn visit_u64<E: serde::de::Error>(self, token: u64) -> Result<Element, E> {
        let refuse = |_| E::invalid_value(Unexpected::Unsigned(token), &self);
        i32::try_from(token).map(Element::Token).map_err(refuse)
    }

    fn visit_i64<E: serde::de::Error>(self, token: i64) -> Result<Element, E> {
        Err(E::invalid_value(Unexpected::Signed(token), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
        let mut tokens = Vec::with_capacity(list.size_hint().unwrap_or_default());
        while let Some(token) = list.next_element()? {
            tokens.push(token);
        }
        Ok(Element::Tokens(tokens))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(wire: Value) -> Result<Vec<Prompt>, Error> {
        prompts("prompt", serde_json::from_value(wire).unwrap())
    }

    fn text(text: &str) -> Prompt {
        Prompt::Text(text.to_owned())
    }

    #[test]
    fn all_forms_are_read() {
        assert_eq!(read(json!("a")).unwrap(), [text("a")]);
        assert_eq!(read(json!(["a", "b"])).unwrap(), [text("a"), text("b")]);
        assert_eq!(read(json!([1, 2])).unwrap(), [Prompt::Tokens(vec![1, 2])]);
        let lists = [Prompt::Tokens(vec![1]), Prompt::Tokens(vec![2, 3])];
        assert_eq!(read(json!([[1], [2, 3]])).unwrap(), lists);
        assert_eq!(read(json!(["a", [1]])).unwrap(), [text("a"), Prompt::Tokens(vec![1])]);
    }

    #[test]
    fn what_is_empty_or_mixed_is_refused() {
        let mut said = Vec::new();
        for wire in [
            json!(null),
            json!(""),
            json!([]),
            json!(["a", ""]),
            json!([[]]),
            json!([1, "a"]),
            json!([[1], [2, -3]]),
            json!("a\u{0}"),
            json!(vec!["a"; 2049]),
        ] {
            let error = read(wire).unwrap_err();
            said.push(format!("{}: {error}", error.param.as_deref().unwrap()));
        }
        insta::assert_snapshot!(said.join("\n"), @"
        prompt: prompt is missing or empty; send a text
        prompt: prompt is empty; send a text
        prompt: prompt is missing or empty; send a text
        prompt[1]: prompt[1] is empty; send a text
        prompt: prompt is empty; send a text
        prompt: prompt mixes tokens with texts; send lists of tokens beside texts
        prompt[1]: prompt[1] has the token -3; tokens count from 0
        prompt: prompt contains U+0000 at byte 1, which models cannot take; remove it
        prompt: prompt has 2049 texts; send at most 2048 at a time
        ");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for wire in ["[-1]", "[3000000000]", "[1.5]", "[null]", "{}", "[[[1]]]", "[true]"] {
            assert!(serde_json::from_str::<WirePrompt>(wire).is_err(), "{wire}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_out_as_they_went_in(texts in prop::collection::vec("[^\u{0}]{1,9}", 1..9)) {
            let expected: Vec<_> = texts.iter().map(|expected| text(expected)).collect();
            prop_assert_eq!(read(json!(texts)).unwrap(), expected);
        }
    }
}
