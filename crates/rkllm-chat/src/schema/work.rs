//! How much work a schema can make, told before it is used.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::Error;

/// Deepest nesting of a schema accepted, with the parts that it refers to in their places.
pub(super) const MAX_DEPTH: usize = 64;

/// Most subschemas accepted, with the parts that a schema refers to in their places.
///
/// References multiply: sixty definitions that each name the one before twice are as many schemas as
/// no machine can check.
pub(super) const MAX_PARTS: u64 = 20_000;

/// Keywords whose members are named by the schema's author and are schemas.
const NAMED: [&str; 5] =
    ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// Keywords whose value is data and no schema.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// What a schema is, with the parts that it refers to in their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Work {
    /// How many subschemas there are.
    pub(super) parts: u64,
    /// Whether a part refers to what it is part of. Such a reference counts as one part.
    pub(super) recursive: bool,
    /// How many patterns there are to compile.
    pub(super) patterns: usize,
}

impl Work {
    /// Walks through a schema.
    ///
    /// # Errors
    ///
    /// [`Error::SchemaTooDeep`], [`Error::SchemaTooMuchWork`], and [`Error::Schema`] for references
    /// other than to a part of the schema by its place.
    pub(super) fn of(schema: &Value) -> Result<Self, Error> {
        let mut walk = Walk { root: schema, seen: HashMap::new(), recursive: false, patterns: 0 };
        let size = walk.schema(schema, 0)?;
        Ok(Self { parts: size.parts, recursive: walk.recursive, patterns: walk.patterns })
    }
}

#[derive(Clone, Copy)]
struct Size {
    parts: u64,
    depth: usize,
}

struct Walk<'s> {
    root: &'s Value,
    /// The sizes of schemas by their address; `None` for those that are being walked through.
    seen: HashMap<*const Value, Option<Size>>,
    recursive: bool,
    patterns: usize,
}

impl<'s> Walk<'s> {
    fn schema(&mut self, schema: &'s Value, depth: usize) -> Result<Size, Error> {
        let key: *const Value = schema;
        let size = match self.seen.get(&key) {
            Some(Some(size)) => *size,
            Some(None) => {
                self.recursive = true;
                Size { parts: 1, depth: 1 }
            }
            None => {
                within(depth)?;
                self.seen.insert(key, None);
                let size = self.parts(schema, depth)?;
                self.seen.insert(key, Some(size));
                size
            }
        };
        within(depth + size.depth)?;
        Ok(size)
    }

    fn parts(&mut self, schema: &'s Value, depth: usize) -> Result<Size, Error> {
        let mut whole = Size { parts: 1, depth: 1 };
        let Value::Object(members) = schema else {
            return Ok(whole);
        };
        self.patterns += usize::from(members.get("pattern").is_some_and(Value::is_string));
        let by_pattern = members.get("patternProperties").and_then(Value::as_object);
        self.patterns += by_pattern.map_or(0, Map::len);
        let mut parts: Vec<&Value> = self.target(members)?.into_iter().collect();
        for (key, value) in members {
            match value {
                _ if DATA.contains(&key.as_str()) => {}
                Value::Object(named) if NAMED.contains(&key.as_str()) => {
                    parts.extend(named.values())
                }
                Value::Object(_) => parts.push(value),
                Value::Array(items) => parts.extend(items),
                _ => {}
            }
        }
        for part in parts {
            let size = self.schema(part, depth + 1)?;
            whole.parts = whole.parts.saturating_add(size.parts);
            whole.depth = whole.depth.max(size.depth + 1);
        }
        if whole.parts > MAX_PARTS {
            return Err(Error::SchemaTooMuchWork { limit: MAX_PARTS });
        }
        Ok(whole)
    }

    /// The part that a schema refers to.
    fn target(&self, members: &Map<String, Value>) -> Result<Option<&'s Value>, Error> {
        let is_root = self.root.as_object().is_some_and(|root| std::ptr::eq(root, members));
        let is_name = |key: &&str| members.get(*key).is_some_and(Value::is_string);
        let names = ["$dynamicRef", "$recursiveRef", "$id", "id"];
        if let Some(name) =
            names.iter().find(|key| is_name(key) && !(is_root && key.ends_with("id")))
        {
            return Err(refused(name, "is not supported; refer to parts as #/$defs/name"));
        }
        let Some(reference) = members.get("$ref").and_then(Value::as_str) else {
            return Ok(None);
        };
        let Some(pointer) = reference.strip_prefix('#').filter(|pointer| !pointer.contains('%'))
        else {
            return Err(refused(reference, "is no place in this schema such as #/$defs/name"));
        };
        let target = self.root.pointer(pointer);
        target.map(Some).ok_or_else(|| refused(reference, "is not there"))
    }
}

fn within(depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH { Err(Error::SchemaTooDeep { limit: MAX_DEPTH }) } else { Ok(()) }
}

fn refused(at: &str, reason: &str) -> Error {
    Error::Schema { at: super::place(at), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn work(schema: &Value) -> (u64, bool) {
        let work = Work::of(schema).unwrap();
        (work.parts, work.recursive)
    }

    #[test]
    fn parts_count_where_they_are_used() {
        assert_eq!(work(&json!(true)), (1, false));
        assert_eq!(
            work(&json!({ "properties": { "default": {}, "b": { "items": {} } } })),
            (4, false)
        );
        let twice = json!({
            "$defs": { "a": { "not": {} } }, "allOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/a" }]
        });
        // The definition itself, two references, and what they refer to.
        assert_eq!(work(&twice), (1 + 2 + 2 + 4, false));
    }

    #[test]
    fn patterns_are_counted() {
        let part = json!({ "pattern": "a", "patternProperties": { "b": {}, "c": {} } });
        let schema = json!({ "properties": { "pattern": part }, "const": { "pattern": "d" } });
        assert_eq!(Work::of(&schema).unwrap().patterns, 3);
    }

    #[test]
    fn data_is_no_schema() {
        let data = json!({ "$ref": "http://example.com", "$id": "a" });
        assert_eq!(work(&json!({ "const": data, "enum": [data], "examples": [data] })), (1, false));
    }

    #[test]
    fn what_is_part_of_itself_is_recursive() {
        let list =
            json!({ "properties": { "next": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } } });
        assert!(work(&list).1);
        assert!(work(&json!({ "$ref": "#" })).1);
    }

    #[test]
    fn names_of_parts_may_need_escapes() {
        let escaped = json!({ "$defs": { "a/b~": {} }, "$ref": "#/$defs/a~1b~0" });
        assert_eq!(work(&escaped), (3, false));
    }

    #[test]
    fn a_chain_of_references_is_deep() {
        let links = |count: usize| {
            let mut defs = json!({ "d0": {} });
            for link in 1..count {
                defs[format!("d{link}")] = json!({ "$ref": format!("#/$defs/d{}", link - 1) });
            }
            json!({ "$defs": defs })
        };
        assert!(Work::of(&links(MAX_DEPTH - 1)).is_ok());
        for count in [MAX_DEPTH, 10_000] {
            assert!(matches!(Work::of(&links(count)), Err(Error::SchemaTooDeep { .. })));
        }
    }
}
