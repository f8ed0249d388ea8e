//! What the text of an answer must look like.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// What the text of an answer must look like; on the wire `"json"` or a JSON schema.
///
/// ```
/// # use rkllm_api::Format;
/// let any: Format = serde_json::from_str(r#""json""#).unwrap();
/// let schema: Format = serde_json::from_str(r#"{"type": "object"}"#).unwrap();
/// assert_eq!(any, Format::Json);
/// assert!(matches!(schema, Format::Schema(schema) if schema["type"] == "object"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Format {
    /// `"format": "json"`: some JSON object.
    Json,
    /// `"format": {…}`: JSON that this schema describes.
    Schema(Map<String, Value>),
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json => serializer.serialize_str("json"),
            Self::Schema(schema) => schema.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormatVisitor)
    }
}

struct FormatVisitor;

impl<'de> Visitor<'de> for FormatVisitor {
    type Value = Format;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"json\" or a JSON schema, which is an object")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Format, E> {
        match name {
            "json" => Ok(Format::Json),
            _ => Err(E::invalid_value(Unexpected::Str(name), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, schema: A) -> Result<Format, A::Error> {
        Map::deserialize(MapAccessDeserializer::new(schema)).map(Format::Schema)
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use std::borrow::Cow;

    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
    use utoipa::{PartialSchema, ToSchema};

    use super::Format;

    impl PartialSchema for Format {
        fn schema() -> RefOr<Schema> {
            let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["json"]));
            let schema =
                ObjectBuilder::new().schema_type(Type::Object).description(Some("A JSON schema."));
            AnyOfBuilder::new()
                .item(name)
                .item(schema)
                .description(Some("What the text of an answer must look like."))
                .into()
        }
    }

    impl ToSchema for Format {
        fn name() -> Cow<'static, str> {
            "Format".into()
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        /// A small JSON object.
        pub(crate) fn object()(fields in prop::collection::vec(any::<(String, i32)>(), 0..4)) -> Map<String, Value> {
            fields.into_iter().map(|(name, value)| (name, value.into())).collect()
        }
    }

    pub(crate) fn format() -> impl Strategy<Value = Format> {
        prop_oneof![Just(Format::Json), object().prop_map(Format::Schema)]
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        let refused = |json| serde_json::from_str::<Format>(json).unwrap_err();
        insta::assert_snapshot!(refused(r#""xml""#), @r#"invalid value: string "xml", expected "json" or a JSON schema, which is an object at line 1 column 5"#);
        insta::assert_snapshot!(refused("5"), @r#"invalid type: integer `5`, expected "json" or a JSON schema, which is an object at line 1 column 1"#);
        insta::assert_snapshot!(refused("[]"), @r#"invalid type: sequence, expected "json" or a JSON schema, which is an object at line 1 column 2"#);
    }

    #[test]
    fn a_schema_keeps_its_order() {
        let json = r#"{"type":"object","properties":{"z":{},"a":{}}}"#;
        let format: Format = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&format).unwrap(), json);
    }

    proptest! {
        #[test]
        fn round_trip(format in format()) {
            let json = serde_json::to_string(&format).unwrap();
            prop_assert_eq!(serde_json::from_str::<Format>(&json).unwrap(), format);
        }
    }
}
