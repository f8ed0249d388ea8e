//! What the text of an answer must look like.

use serde_json::Value;

use crate::error::Error;
use crate::generate::Format;

/// Reads `"json"` or a JSON schema; `null` and the empty text are no format.
pub(super) fn parse(value: Option<Value>) -> Result<Format, Error> {
    match value {
        None | Some(Value::Null) => Ok(Format::Text),
        Some(Value::String(name)) if name.is_empty() => Ok(Format::Text),
        Some(Value::String(name)) if name == "json" => Ok(Format::JsonObject),
        // Whoever sends a schema relies on it: better no answer than another one.
        Some(schema @ Value::Object(_)) => Ok(Format::JsonSchema { schema, strict: true }),
        Some(_) => {
            let mut error = Error::invalid(
                "invalid format: send \"json\" or a JSON schema, which is an object",
            );
            error.param = Some("format".to_owned());
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form() {
        for none in [None, Some(json!(null)), Some(json!(""))] {
            assert_eq!(parse(none).unwrap(), Format::Text);
        }
        assert_eq!(parse(Some(json!("json"))).unwrap(), Format::JsonObject);
        let schema = json!({"type": "object"});
        let expected = Format::JsonSchema { schema: schema.clone(), strict: true };
        assert_eq!(parse(Some(schema)).unwrap(), expected);
        for other in [json!("xml"), json!(5), json!([])] {
            assert!(parse(Some(other)).unwrap_err().message.starts_with("invalid format"));
        }
    }
}
