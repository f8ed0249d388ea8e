//! Request bodies: JSON whatever the content type says, with errors that name the field.

use serde::de::DeserializeOwned;

use crate::error::{Code, Error};

/// A body as a value, and the names of fields in it that the type does not know.
pub(super) fn parse<T: DeserializeOwned>(
    body: &[u8],
    example: &str,
) -> Result<(T, Vec<String>), Error> {
    let refusal = |what: String| Error::invalid(format!("{what}; send for example {example}"));
    let refuse = |what: String| Err(refusal(what));
    let body = plain_text(body)?;
    match body.trim_ascii_start().first() {
        None => return refuse("the request body is empty".into()),
        Some(b'{') => {}
        // Types would also be read from a list of their fields.
        Some(_) => return refuse("the request body is not a JSON object".into()),
    }
    let mut ignored = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| ignored.push(name(&path));
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let value = T::deserialize(serde_ignored::Deserializer::new(tracked, &mut note));
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok((value, ignored)),
        Err(error) if error.is_data() => {
            let path = track.path().to_string();
            let path = if path == "." || path == "?" { "" } else { &path };
            let mut refusal = match path {
                "" => refusal(plain(&error)),
                path => refusal(format!("{path}: {}", plain(&error))),
            };
            refusal.param = field(path, &error);
            Err(refusal)
        }
        Err(error) => refuse(format!("the request body is not valid JSON: {error}")),
    }
}

/// The body without the mark that some programs put before UTF-8.
fn plain_text(body: &[u8]) -> Result<&[u8], Error> {
    match body {
        [0x1f, 0x8b, ..] => Err(Error::new(
            Code::UnsupportedEncoding,
            "the request body is compressed with gzip; send it as it is",
        )),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(Error::new(
            Code::UnsupportedEncoding,
            "the request body is UTF-16; send it as UTF-8",
        )),
        _ => Ok(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)),
    }
}

/// The path of a field, as in error messages.
fn name(path: &serde_ignored::Path<'_>) -> String {
    match path {
        serde_ignored::Path::Root => String::new(),
        serde_ignored::Path::Seq { parent, index } => format!("{}[{index}]", name(parent)),
        serde_ignored::Path::Map { parent, key } => match name(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        serde_ignored::Path::Some { parent }
        | serde_ignored::Path::NewtypeStruct { parent }
        | serde_ignored::Path::NewtypeVariant { parent } => name(parent),
    }
}

/// The field that an error is about, if it is about one.
fn field(path: &str, error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (path, missing) {
        ("", None) => None,
        ("", Some(missing)) => Some(missing.to_owned()),
        (path, None) => Some(path.to_owned()),
        (path, Some(missing)) => Some(format!("{path}.{missing}")),
    }
}

/// The error in JSON's words; serde's are Rust's.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let Some((found, expected)) = text.split_once(", expected ") else {
        return text;
    };
    let (expected, place) = expected.split_once(" at line ").unwrap_or((expected, ""));
    let expected = match expected {
        "f64" => "a number",
        "i64" => "an integer",
        "a sequence" => "a list",
        "a map" => "an object",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    };
    format!("{found}, expected {expected} at line {place}")
}

/// Refuses U+0000, which cuts a text short on its way through C.
pub(super) fn no_nul(name: &str, text: &str) -> Result<(), Error> {
    match text.find('\0') {
        Some(at) => Err(Error::invalid(format!(
            "{name} contains U+0000 at byte {at}, which models cannot take; remove it"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rkllm_api::ChatRequest;

    use super::*;

    fn refused(body: &[u8]) -> String {
        parse::<ChatRequest>(body, "{}").unwrap_err().message
    }

    #[test]
    fn every_fault_says_where_it_is() {
        insta::assert_snapshot!(
            [
                refused(b""),
                refused(b"  \n"),
                refused(b"{\"messages\": [}"),
                refused(b"[]"),
                refused(b"null"),
                refused(b"{}"),
                refused(br#"{"messages": "hi"}"#),
                refused(br#"{"messages": ["hi"]}"#),
                refused(br#"{"messages": [{"role": "robot", "content": "hi"}]}"#),
                refused(br#"{"messages": [{"role": "user", "content": 5}]}"#),
                refused(br#"{"messages": [], "temperature": "hot"}"#),
                refused(br#"{"messages": []} x"#),
                refused(br#"{"messages": [{"role": "user", "content": "\ud800"}]}"#),
                refused(b"{\"messages\": [{\"role\": \"user\", \"content\": \"\xff\"}]}"),
                refused("[".repeat(20_000).as_bytes()),
            ]
            .join("\n")
        );
    }

    #[test]
    fn the_field_at_fault_is_told() {
        let param = |body: &[u8]| parse::<ChatRequest>(body, "{}").unwrap_err().param;
        assert_eq!(param(b"{}").as_deref(), Some("messages"));
        let nested = br#"{"messages": [{"role": "user", "content": 5}]}"#;
        assert_eq!(param(nested).as_deref(), Some("messages[0].content"));
        let missing = br#"{"messages": [{"role": "user"}]}"#;
        assert_eq!(param(missing).as_deref(), Some("messages[0].content"));
        assert_eq!(param(b"{").as_deref(), None);
    }

    #[test]
    fn other_encodings_are_named_and_the_mark_of_utf_8_is_skipped() {
        let error = parse::<ChatRequest>(b"\x1f\x8b\x08", "{}").unwrap_err();
        assert_eq!(error.code, Code::UnsupportedEncoding);
        assert!(error.message.contains("gzip"), "{error}");
        assert!(refused(b"\xff\xfe{\0}\0").contains("UTF-16"));
        parse::<ChatRequest>(b"\xef\xbb\xbf{\"messages\": []}", "{}").unwrap();
    }

    #[test]
    fn unknown_fields_are_named() {
        let body = br#"{"messages": [{"role": "user", "content": "hi", "tone": "x"}], "mood": 1}"#;
        let (_, ignored) = parse::<ChatRequest>(body, "{}").unwrap();
        assert_eq!(ignored, ["messages[0].tone", "mood"]);
    }
}
