//! JSON schemas before llguidance reads them.

use serde_json::{Map, Value, json};

/// Where llguidance looks for its own options in a schema.
const OPTIONS: &str = "x-guidance";

/// Conditions that may have to hold at once. Their cost doubles with each, and no limit of
/// llguidance's ends it in time.
const CONDITIONS: usize = 64;

/// Properties of one object, for they cost as many steps as pairs of them.
const PROPERTIES: usize = 500;

/// The schema as it is read: with bounded cost, and without the whitespace that a small model may
/// never come to an end of.
pub(super) fn prepare(schema: Value) -> Result<Value, String> {
    let conditions = conditions(&schema);
    if conditions > CONDITIONS {
        return Err(format!(
            "it combines {conditions} schemas by allOf, or by patterns beside $ref, anyOf and \
             oneOf; it may combine {CONDITIONS}"
        ));
    }
    let properties = most_properties(&schema);
    if properties > PROPERTIES {
        return Err(format!(
            "an object of it has {properties} properties; it may have {PROPERTIES}"
        ));
    }
    Ok(spaced(schema))
}

/// At most a space after commas and colons and no other whitespace, unless the schema says itself
/// how whitespace is written.
fn spaced(schema: Value) -> Value {
    let mut schema = match schema {
        Value::Object(schema) => schema,
        Value::Bool(true) => Map::new(),
        other => return other,
    };
    let options = schema.entry(OPTIONS).or_insert_with(|| json!({}));
    if let Value::Object(options) = options
        && !options.contains_key("whitespace_pattern")
        && !options.contains_key("whitespace_flexible")
    {
        options.insert("whitespace_flexible".to_owned(), false.into());
        options.entry("item_separator").or_insert_with(|| ", ?".into());
        options.entry("key_separator").or_insert_with(|| ": ?".into());
    }
    Value::Object(schema)
}

/// How many schemas join others in a condition on the same value.
fn conditions(schema: &Value) -> usize {
    match schema {
        Value::Array(parts) => parts.iter().map(conditions).sum(),
        Value::Object(parts) => {
            let all = parts.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
            let joins = ["$ref", "anyOf", "oneOf"].iter().any(|key| parts.contains_key(*key));
            let beside = joins && parts.contains_key("pattern");
            all + usize::from(beside) + parts.values().map(conditions).sum::<usize>()
        }
        _ => 0,
    }
}

fn most_properties(schema: &Value) -> usize {
    let most = |parts: &mut dyn Iterator<Item = &Value>| parts.map(most_properties).max();
    match schema {
        Value::Array(parts) => most(&mut parts.iter()).unwrap_or(0),
        Value::Object(parts) => {
            let own = parts.get("properties").and_then(Value::as_object).map_or(0, Map::len);
            own.max(most(&mut parts.values()).unwrap_or(0))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_may_say_itself_how_whitespace_is_written() {
        for own in [json!({"whitespace_flexible": true}), json!({"whitespace_pattern": "\n"})] {
            let schema = json!({"type": "object", "x-guidance": own});
            assert_eq!(prepare(schema.clone()), Ok(schema));
        }
        let partly = prepare(json!({"x-guidance": {"lenient": true, "key_separator": ":"}}));
        let expected = json!({
            "lenient": true,
            "whitespace_flexible": false,
            "item_separator": ", ?",
            "key_separator": ":",
        });
        assert_eq!(partly, Ok(json!({ "x-guidance": expected })));
        assert_eq!(prepare(json!(true)), prepare(json!({})));
        assert_eq!(prepare(json!(false)), Ok(json!(false)));
    }

    #[test]
    fn conditions_on_one_value_are_counted() {
        let all = json!({"items": {"allOf": vec![json!({"pattern": "a"}); 64]}});
        assert!(prepare(all.clone()).is_ok());
        let more = json!({"anyOf": [all, {"$ref": "#", "pattern": "a"}]});
        let refused = prepare(more).expect_err("65 of them");
        assert!(refused.starts_with("it combines 65 schemas"), "{refused}");
    }

    #[test]
    fn the_largest_object_counts() {
        let object = |count: i32| {
            let properties: Map<_, _> = (0..count).map(|i| (i.to_string(), json!({}))).collect();
            json!({"items": [{}, {"properties": properties}]})
        };
        assert!(prepare(object(500)).is_ok());
        let refused = prepare(object(501)).expect_err("too many");
        assert_eq!(refused, "an object of it has 501 properties; it may have 500");
    }
}
