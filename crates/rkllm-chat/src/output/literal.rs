//! Values that are not quoted.

/// Writes an unquoted value that is a number, a boolean or null; `false` if it is none of these.
pub(super) fn write_literal(text: &str, out: &mut String) -> bool {
    let literal = match text {
        "True" => "true",
        "False" => "false",
        "None" | "undefined" | "NaN" | "Infinity" | "-Infinity" => "null",
        _ => text.strip_prefix('+').unwrap_or(text),
    };
    let value = serde_json::from_str::<serde_json::Value>(literal);
    let is_literal =
        value.is_ok_and(|value| !(value.is_string() || value.is_object() || value.is_array()));
    if is_literal {
        out.push_str(literal);
    }
    is_literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_told_from_words() {
        let written = |text: &str| {
            let mut out = String::new();
            write_literal(text, &mut out).then_some(out)
        };
        for literal in ["true", "false", "null", "0", "-1.5e3", "123456789012345678901"] {
            assert_eq!(written(literal).as_deref(), Some(literal));
        }
        for (text, json) in [("True", "true"), ("None", "null"), ("-Infinity", "null"), ("+7", "7")]
        {
            assert_eq!(written(text).as_deref(), Some(json));
        }
        for word in ["", "Oslo", "007", "1.2.3", "1e999", "\"a\"", "[1]", "{}", "--1"] {
            assert_eq!(written(word), None, "{word}");
        }
    }
}
