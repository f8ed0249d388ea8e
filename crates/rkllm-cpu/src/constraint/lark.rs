//! Lark grammars before llguidance reads them.

use serde_json::Value;

use super::schema;

/// What begins a JSON schema in a grammar.
const SCHEMA: &str = "%json";

/// Expressions that may have to match at once: each `&` doubles the cost, and no limit of
/// llguidance's ends it in time.
const ANDS: usize = 16;

/// The grammar as it is read: with bounded cost, and its schemas as [`schema::prepare`] makes them.
pub(super) fn prepare(text: &str) -> Result<String, String> {
    let mut prepared = String::with_capacity(text.len());
    let (mut rest, mut ands) = (text, 0);
    while let Some(length) = next_part(rest) {
        if sets_temperature(rest) {
            return Err("it sets a temperature; set that for the run instead".to_owned());
        }
        let (part, behind) = rest.split_at(length);
        prepared.push_str(part);
        rest = behind;
        if part == SCHEMA {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            // What is no JSON stays as it is, for llguidance to refuse.
            if let Some(Ok(schema)) = values.next() {
                rest = &rest[values.byte_offset()..];
                prepared.push_str(&format!(" {} ", schema::prepare(schema)?));
            }
        }
        ands += usize::from(part == "&");
    }
    if ands > ANDS {
        return Err(format!("it has {ands} times `&`; it may have {ANDS}"));
    }
    Ok(prepared)
}

/// Whether `text` begins with the attribute of rules that llguidance leaves to its caller.
fn sets_temperature(text: &str) -> bool {
    text.strip_prefix("temperature").is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// Bytes of the comment, string, regular expression, keyword or character that `text` begins with;
/// `None` at its end.
fn next_part(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    Some(match first {
        '#' => line(text),
        '/' if text.starts_with("//") => line(text),
        '"' | '/' => quoted(text, first),
        '%' => {
            let name = text[1..].find(|c: char| !c.is_ascii_alphabetic());
            name.map_or(text.len(), |length| length + 1)
        }
        _ => first.len_utf8(),
    })
}

fn line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// Bytes up to the closing quote, or all of them if there is none.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if character == quote && !escaped {
            return at + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_schemas_change() {
        let kept = "start: \"%json {}\" /%json {}\\// // %json {}\n# %json {}\n%jsonx {} \"\\\" %json {}\"";
        assert_eq!(prepare(kept).as_deref(), Ok(kept));
        let changed = prepare("start: \"a\" %json {\"type\":\"null\"} \"b\"\n");
        let schema = schema::prepare(json!({"type": "null"})).expect("a schema");
        assert_eq!(changed, Ok(format!("start: \"a\" %json {schema}  \"b\"\n")));
        assert_eq!(prepare("a: %json {oops").as_deref(), Ok("a: %json {oops"));
    }

    #[test]
    fn conditions_are_counted_outside_of_texts() {
        let ands = |count| format!("start: A\nA: \"&\" /&/ /a/{} # &", " & /b/".repeat(count));
        assert!(prepare(&ands(16)).is_ok());
        assert_eq!(prepare(&ands(17)), Err("it has 17 times `&`; it may have 16".to_owned()));
        let schema = json!({"allOf": vec![json!({}); 65]});
        assert!(prepare(&format!("start: %json {schema}")).is_err());
    }

    #[test]
    fn a_temperature_is_refused_but_not_its_name() {
        assert!(prepare("start: a\na[temperature = 0.5]: /b/").is_err());
        assert!(prepare("start: temperature \"temperature=\"\ntemperature: /b/").is_ok());
    }

    proptest! {
        #[test]
        fn text_without_schemas_stays_as_it_is(text in "[%json \"/#\\\\\n{}aé]{0,40}") {
            prop_assume!(!text.contains(SCHEMA));
            prop_assert_eq!(prepare(&text), Ok(text));
        }
    }
}
