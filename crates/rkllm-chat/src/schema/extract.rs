//! The JSON in an answer.

use serde_json::{Deserializer, Value};

/// Places tried, so that an answer of nothing but brackets takes no time.
const MAX_TRIES: usize = 100;

/// The JSON that an answer consists of, or the first complete object or array in it.
pub(super) fn first_json(answer: &str) -> Option<(&str, Value)> {
    let answer = answer.trim();
    if let Ok(value) = serde_json::from_str(answer) {
        return Some((answer, value));
    }
    answer.match_indices(['{', '[']).take(MAX_TRIES).find_map(|(start, _)| {
        let rest = &answer[start..];
        let mut values = Deserializer::from_str(rest).into_iter();
        let value = values.next()?.ok()?;
        Some((&rest[..values.byte_offset()], value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(answer: &str) -> Option<&str> {
        first_json(answer).map(|(text, _)| text)
    }

    #[test]
    fn a_whole_answer_may_be_any_value() {
        for value in ["42", "\"a {1} b\"", "null", "{}", "[1, {\"a\": [2]}]"] {
            assert_eq!(text(&format!(" \n{value}\n")), Some(value));
        }
    }

    #[test]
    fn fences_and_prose_are_left_out() {
        assert_eq!(text("```json\n{\"a\": 1}\n```"), Some("{\"a\": 1}"));
        assert_eq!(
            text("As asked [see below], {like this}: {\"a\": \"}\"} {\"b\": 2}"),
            Some("{\"a\": \"}\"}")
        );
    }

    #[test]
    fn an_answer_without_complete_json_has_none() {
        for answer in ["", "Hello", "The answer is 42.", "{\"a\": 1", "{a: 1}", "]}"] {
            assert_eq!(text(answer), None, "{answer}");
        }
    }

    #[test]
    fn deep_nesting_is_no_json() {
        assert_eq!(text(&"[".repeat(100_000)), None);
        assert_eq!(text(&format!("x{}", "{\"a\":".repeat(100_000))), None);
    }

    proptest! {
        #[test]
        fn json_in_prose_is_found(before in "[^{\\[]{0,20}", after in ".{0,20}", key in ".{0,8}") {
            let value = json!({ key: [1, "]}"] });
            let answer = format!("{before}{value}{after}");
            prop_assert_eq!(first_json(&answer).unwrap().1, value);
        }
    }
}
