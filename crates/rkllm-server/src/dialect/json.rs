//! Request bodies: JSON whatever the content type says, with errors that name the field.

use serde::de::DeserializeOwned;

use crate::error::Error;

/// A body as a value, and the names of fields in it that the type does not know.
pub(super) fn parse<T: DeserializeOwned>(
    body: &[u8],
    example: &str,
) -> Result<(T, Vec<String>), Error> {
    let refuse = |what: String| Err(Error::invalid(format!("{what}; send for example {example}")));
    match body.trim_ascii_start().first() {
        None => return refuse("the request body is empty".into()),
        Some(b'{') => {}
        // Types would also be read from a list of their fields.
        Some(_) => return refuse("the request body is not a JSON object".into()),
    }
    let mut ignored = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| ignored.push(path.to_string());
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let value = T::deserialize(serde_ignored::Deserializer::new(tracked, &mut note));
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok((value, ignored)),
        Err(error) if error.is_data() => match track.path().to_string() {
            path if path == "." || path == "?" => refuse(plain(&error)),
            path => refuse(format!("{path}: {}", plain(&error))),
        },
        Err(error) => refuse(format!("the request body is not valid JSON: {error}")),
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
    fn unknown_fields_are_named() {
        let body = br#"{"messages": [{"role": "user", "content": "hi", "name": "x"}], "mood": 1}"#;
        let (_, ignored) = parse::<ChatRequest>(body, "{}").unwrap();
        assert_eq!(ignored, ["messages.0.name", "mood"]);
    }
}
