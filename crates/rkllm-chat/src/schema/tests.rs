use super::*;

fn compile(schema: Value) -> Result<JsonSchema, Error> {
    JsonSchema::compile(&schema)
}

fn refused(schema: Value) -> String {
    compile(schema).unwrap_err().to_string()
}

#[test]
fn a_violation_names_the_place_and_no_content() {
    let schema = compile(json!({
        "type": "object",
        "properties": {
            "list": { "items": { "properties": { "kind": { "enum": ["a", "b"] } } } },
            "name": { "type": "string" }
        },
        "required": ["name"],
        "additionalProperties": false
    }))
    .unwrap();
    let error = |answer| schema.check(answer).unwrap_err().to_string();
    insta::assert_snapshot!(error(r#"{"name": 5}"#), @r#"the answer breaks its JSON schema: `type` at "/name"; ask again or relax the schema"#);
    insta::assert_snapshot!(error(r#"{}"#), @r#"the answer breaks its JSON schema: `required` at "/name"; ask again or relax the schema"#);
    insta::assert_snapshot!(error(r#"{"name": "", "list": [{}, {"kind": "secret"}]}"#), @r#"the answer breaks its JSON schema: `enum` at "/list/1/kind"; ask again or relax the schema"#);
    insta::assert_snapshot!(error(r#"{"name": "", "secret": 1}"#), @r#"the answer breaks its JSON schema: `additionalProperties` at ""; ask again or relax the schema"#);
    insta::assert_snapshot!(error("I cannot do that."), @"the answer holds no complete JSON value: ask again or allow more tokens");
}

#[test]
fn a_long_place_is_cut_off() {
    let schema = compile(json!({ "additionalProperties": { "type": "null" } })).unwrap();
    let answer = json!({ "k".repeat(1000): 1 }).to_string();
    let error = schema.check(&answer).unwrap_err();
    assert!(matches!(&error, Error::SchemaViolation { at, .. } if at.len() == 200), "{error}");
}

#[test]
fn any_object_will_do_without_a_schema() {
    let schema = JsonSchema::object().unwrap();
    assert_eq!(schema.check("```\n{\"b\": 1, \"a\": 2}\n```").unwrap(), "{\"b\": 1, \"a\": 2}");
    assert!(matches!(schema.check("[1]"), Err(Error::SchemaViolation { .. })));
    assert!(schema.instruction().contains("JSON object"));
}

#[test]
fn the_instruction_shows_the_schema() {
    let schema = compile(json!({ "type": "object", "title": "T" })).unwrap();
    assert!(schema.instruction().ends_with("\n{\"type\":\"object\",\"title\":\"T\"}"));
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    insta::assert_snapshot!(refused(json!({ "properties": { "a": { "type": "text" } } })), @r#"the JSON schema cannot be used, at "/properties/a/type": value is not valid under any of the schemas listed in the 'anyOf' keyword; mend the schema"#);
    insta::assert_snapshot!(refused(json!({ "pattern": "(?=a)" })), @r#"the JSON schema cannot be used, at "/pattern": value is not a "regex"; mend the schema"#);
    insta::assert_snapshot!(refused(json!(5)), @r#"the JSON schema cannot be used, at "": value is not of types "boolean", "object"; mend the schema"#);
}

#[test]
fn other_documents_are_not_read() {
    insta::assert_snapshot!(refused(json!({ "$ref": "http://127.0.0.1/schema.json" })), @r#"the JSON schema cannot be used, at "http://127.0.0.1/schema.json": is no place in this schema such as #/$defs/name; mend the schema"#);
    insta::assert_snapshot!(refused(json!({ "$ref": "file:///etc/hostname" })), @r#"the JSON schema cannot be used, at "file:///etc/hostname": is no place in this schema such as #/$defs/name; mend the schema"#);
    assert!(compile(json!({ "$ref": "#/$defs/a", "$defs": { "a": {} } })).is_ok());
}

#[test]
fn size_and_depth_are_bounded() {
    let deep = (0..work::MAX_DEPTH - 1).fold(json!({}), |inner, _| json!({ "not": inner }));
    assert!(compile(deep.clone()).is_ok());
    assert!(matches!(compile(json!({ "not": deep })), Err(Error::SchemaTooDeep { .. })));
    let large = json!({ "description": "a".repeat(MAX_SIZE) });
    assert!(matches!(compile(large), Err(Error::SchemaTooLarge { .. })));
}

#[test]
fn the_room_for_patterns_is_shared() {
    let pattern = |digits: usize| json!({ "pattern": format!("[0-9]{{{digits}}}") });
    assert!(compile(pattern(1000)).is_ok());
    assert!(matches!(compile(pattern(1_000_000)), Err(Error::Schema { .. })));
    let many: Vec<Value> = (1000..2000).map(pattern).collect();
    assert!(matches!(compile(json!({ "anyOf": many })), Err(Error::Schema { .. })));
}

#[test]
fn schemas_that_refer_to_themselves_come_to_an_end() {
    let endless = compile(json!({ "$ref": "#" })).unwrap();
    assert!(endless.check("{}").is_ok());
    let twice = json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }], "type": "array" });
    assert!(compile(twice).unwrap().check("{}").is_err());
    let tree =
        json!({ "anyOf": [{ "type": "null" }, { "items": { "$ref": "#" }, "type": "array" }] });
    let nested = format!("{}null{}", "[".repeat(100), "]".repeat(100));
    assert!(compile(tree).unwrap().check(&nested).is_ok());
}

#[test]
fn doubling_at_every_level_is_not_followed() {
    let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let down = json!({ "type": "array", "items": { "$ref": "#" } });
    let both = compile(json!({ "anyOf": [down, down] })).unwrap();
    assert!(matches!(both.check(&nested), Err(Error::SchemaMismatch)));
    let mut defs = json!({ "d0": { "type": "string" } });
    for level in 1..30 {
        let below = json!({ "$ref": format!("#/$defs/d{}", level - 1) });
        defs[format!("d{level}")] = json!({ "anyOf": [below, below] });
    }
    let chain = compile(json!({ "$ref": "#/$defs/d29", "$defs": defs }));
    assert!(matches!(chain, Err(Error::SchemaTooMuchWork { .. })));
}

#[test]
fn the_place_is_not_looked_for_at_any_price() {
    let number = json!({ "type": "number" });
    let list = json!({ "anyOf": vec![json!({ "items": number }); 200], "type": "array" });
    let answer = |length: usize| json!(vec!["a"; length]).to_string();
    let schema = compile(list).unwrap();
    assert!(matches!(schema.check(&answer(3)), Err(Error::SchemaViolation { .. })));
    assert!(matches!(schema.check(&answer(3000)), Err(Error::SchemaMismatch)));
}
