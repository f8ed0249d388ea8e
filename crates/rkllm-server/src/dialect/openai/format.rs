//! What the answer's text must look like.

use serde::Deserialize;
use serde_json::Value;

use super::error::{invalid, unsupported};
use crate::error::Error;
use crate::generate::Format;

/// `response_format`.
#[derive(Debug, Deserialize)]
pub(super) struct ResponseFormat {
    r#type: String,
    json_schema: Option<Schema>,
}

/// A JSON schema and how it is meant.
#[derive(Debug, Deserialize)]
pub(super) struct Schema {
    pub(super) schema: Option<Value>,
    pub(super) strict: Option<bool>,
}

impl ResponseFormat {
    pub(super) fn format(self) -> Result<Format, Error> {
        match (self.r#type.as_str(), self.json_schema) {
            ("text", _) => Ok(Format::Text),
            ("json_object", _) => Ok(Format::JsonObject),
            ("json_schema", Some(schema)) => schema.format("response_format.json_schema.schema"),
            ("json_schema", None) => Err(invalid(
                "response_format.json_schema",
                "response_format.json_schema is missing; send an object with a schema",
            )),
            (other, _) => Err(unsupported(
                "response_format.type",
                format!(
                    "response_format.type is {other:?}; send \"text\", \"json_object\" or \
                     \"json_schema\""
                ),
            )),
        }
    }
}

impl Schema {
    /// `path` is where the schema itself stands. Without one any JSON object will do.
    pub(super) fn format(self, path: &str) -> Result<Format, Error> {
        match self.schema {
            None => Ok(Format::JsonObject),
            Some(schema @ Value::Object(_)) => {
                Ok(Format::JsonSchema { schema, strict: self.strict.unwrap_or_default() })
            }
            Some(_) => {
                let message = format!("{path} is no JSON schema; send an object");
                Err(invalid(path, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(format: Value) -> Result<Format, Error> {
        serde_json::from_value::<ResponseFormat>(format).unwrap().format()
    }

    #[test]
    fn every_format_is_read() {
        assert_eq!(read(json!({"type": "text"})).unwrap(), Format::Text);
        assert_eq!(read(json!({"type": "json_object"})).unwrap(), Format::JsonObject);
        let schema = json!({"type": "object"});
        let wire = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        assert_eq!(
            read(wire).unwrap(),
            Format::JsonSchema { schema: schema.clone(), strict: false }
        );
        let wire =
            json!({"type": "json_schema", "json_schema": {"schema": schema, "strict": true}});
        assert_eq!(read(wire).unwrap(), Format::JsonSchema { schema, strict: true });
        let any = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": null}});
        assert_eq!(read(any).unwrap(), Format::JsonObject);
    }

    #[test]
    fn what_cannot_be_held_to_is_refused() {
        let refused = |format: Value| {
            let error = read(format).unwrap_err();
            format!("{}: {error}", error.param.as_deref().unwrap())
        };
        insta::assert_snapshot!(refused(json!({"type": "xml"})), @r#"response_format.type: response_format.type is "xml"; send "text", "json_object" or "json_schema""#);
        insta::assert_snapshot!(refused(json!({"type": "json_schema"})), @"response_format.json_schema: response_format.json_schema is missing; send an object with a schema");
        let list = json!({"type": "json_schema", "json_schema": {"schema": []}});
        insta::assert_snapshot!(refused(list), @"response_format.json_schema.schema: response_format.json_schema.schema is no JSON schema; send an object");
    }
}
