//! What becomes of near-JSON.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Mends an object that begins with a brace.
fn mend(text: &str) -> String {
    let mut out = String::new();
    let mut mender = Mender::new(Style::Braces, &mut out);
    for c in text[1..].chars() {
        while let (step, false) = mender.take(c, &mut out) {
            if step == Step::Done {
                return out;
            }
        }
    }
    mender.close_to(0, &mut out);
    out
}

#[track_caller]
fn check(text: &str, meant: Value) {
    let mended = mend(text);
    assert_eq!(serde_json::from_str::<Value>(&mended).expect(&mended), meant, "{mended}");
}

#[test]
fn near_json_is_mended() {
    check("{'a': 'it\\'s \"x\"',}", json!({"a": "it's \"x\""}));
    check("{a: 1, b_c: [1, 2,], d: New York}", json!({"a": 1, "b_c": [1, 2], "d": "New York"}));
    check("{\"a\": True, \"b\": False, \"c\": None}", json!({"a": true, "b": false, "c": null}));
    check("{\"a\": \"two\nlines\"}", json!({"a": "two\nlines"}));
    check("{\"a\": 1 \"b\": 2\n\"c\" 3}", json!({"a": 1, "b": 2, "c": 3}));
    check(
        "{\"a\": NaN, \"b\": +1, \"c\": 007, \"d\":}",
        json!({"a": null, "b": 1, "c": "007", "d": null}),
    );
    check("{\"url\": http://x/y?a=b}", json!({"url": "http://x/y?a=b"}));
    check("{,\"a\",,\"b\":[,1,,]}", json!({"a": null, "b": [1]}));
}

#[test]
fn quotes_in_strings_are_mended() {
    check("{'a': 'it's John's', 'b': 1}", json!({"a": "it's John's", "b": 1}));
    check("{\"a\": \"say \"hi there!\" to me\"}", json!({"a": "say \"hi there!\" to me"}));
    check("{\"a\": [\"x\",\"y\" \"z\"\n], \"b\": \"\"}", json!({"a": ["x", "y", "z"], "b": ""}));
    check("{\"a\": \"x\"", json!({"a": "x"}));
}

#[test]
fn missing_and_wrong_brackets_are_mended() {
    check("{\"a\": {\"b\": [1, {\"c\": \"d", json!({"a": {"b": [1, {"c": "d"}]}}));
    check("{\"a\": [1, 2}", json!({"a": [1, 2]}));
    check("{\"a\": {\"b\": 1]}, \"c\": 2}", json!({"a": {"b": 1}, "c": 2}));
    check("{\"a\": [{\"b\": 1], \"c\": 2}", json!({"a": [{"b": 1}], "c": 2}));
    check("{\"a", json!({"a": null}));
    check("{\"a\": tru", json!({"a": "tru"}));
}

#[test]
fn too_deep_and_too_long_is_broken() {
    let mut out = String::new();
    let mut mender = Mender::new(Style::Braces, &mut out);
    let steps: Vec<Step> =
        "\"a\":".chars().chain(['['; 100]).map(|c| mender.take(c, &mut out).0).collect();
    assert_eq!(steps.iter().position(|step| *step == Step::Broken), Some(4 + 99));
    let mut mender = Mender::new(Style::Braces, &mut String::new());
    mender.take('"', &mut String::new());
    let first = (1..).find(|_| mender.take('k', &mut String::new()).0 == Step::Broken);
    assert_eq!(first, Some(MAX_TOKEN + 1));
}

#[test]
fn python_arguments_must_be_literals() {
    let read = |text: &str| {
        let mut out = String::new();
        let mut mender = Mender::new(Style::Parentheses, &mut out);
        for c in text.chars() {
            loop {
                match mender.take(c, &mut out) {
                    (Step::Broken, _) => return None,
                    (_, true) => break,
                    _ => {}
                }
            }
        }
        Some(out)
    };
    let read_out = read("city=\"Oslo\", days=3, x={'a': [True]})").unwrap();
    assert_eq!(read_out, r#"{"city":"Oslo","days":3,"x":{"a":[true]}}"#);
    assert_eq!(read("\"Oslo\")"), None);
    assert_eq!(read("a=1+b)"), None);
    assert_eq!(read("a=)"), None);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_valid_stays_what_it_is(value in json_value()) {
        let value = json!({"v": value});
        prop_assert_eq!(&mend(&value.to_string()), &value.to_string());
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(mend(&pretty), value.to_string());
    }

    #[test]
    fn anything_becomes_an_object(text in r#"\{([{}\[\]:,="' \n\\]|[a-c1-3]|True|.){0,40}"#) {
        let mended = mend(&text);
        prop_assert!(serde_json::from_str::<Value>(&mended).unwrap().is_object(), "{}", mended);
    }
}
