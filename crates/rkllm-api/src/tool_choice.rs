//! Which functions an answer calls.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ToolKind, null};

/// Which functions an answer calls; on the wire `"auto"`, `"none"`, `"required"` or
/// `{"type": "function", "function": {"name": "…"}}`.
///
/// ```
/// # use rkllm_api::ToolChoice;
/// let choice = ToolChoice::Function("weather".into());
/// assert_eq!(
///     serde_json::to_string(&choice).unwrap(),
///     r#"{"type":"function","function":{"name":"weather"}}"#,
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum ToolChoice {
    /// Those that the model thinks right, if any.
    #[default]
    Auto,
    /// None, though the model is told of them.
    None,
    /// At least one.
    Required,
    /// This one.
    Function(String),
}

/// A choice of one function, as it is written.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct Named {
    #[serde(rename = "type", default, deserialize_with = "null::as_default")]
    #[cfg_attr(feature = "openapi", schema(inline))]
    kind: ToolKind,
    #[cfg_attr(feature = "openapi", schema(inline))]
    function: Name,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct Name {
    name: String,
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::None => serializer.serialize_str("none"),
            Self::Required => serializer.serialize_str("required"),
            Self::Function(name) => {
                let function = Name { name: name.clone() };
                Named { kind: ToolKind::Function, function }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = ToolChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\", \"none\", \"required\" or a function")
    }

    fn visit_str<E: Error>(self, mode: &str) -> Result<ToolChoice, E> {
        match mode {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(E::invalid_value(Unexpected::Str(mode), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<ToolChoice, A::Error> {
        let named = Named::deserialize(MapAccessDeserializer::new(object))?;
        Ok(ToolChoice::Function(named.function.name))
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use std::borrow::Cow;

    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
    use utoipa::{PartialSchema, ToSchema};

    use super::{Named, ToolChoice};

    impl PartialSchema for ToolChoice {
        fn schema() -> RefOr<Schema> {
            let modes = Some(["auto", "none", "required"]);
            let mode = ObjectBuilder::new().schema_type(Type::String).enum_values(modes);
            AnyOfBuilder::new()
                .item(mode)
                .item(Named::schema())
                .description(Some("Which functions an answer calls."))
                .into()
        }
    }

    impl ToSchema for ToolChoice {
        fn name() -> Cow<'static, str> {
            "ToolChoice".into()
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn tool_choice() -> impl Strategy<Value = ToolChoice> {
        prop_oneof![
            Just(ToolChoice::Auto),
            Just(ToolChoice::None),
            Just(ToolChoice::Required),
            any::<String>().prop_map(ToolChoice::Function),
        ]
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        let refused = |json| serde_json::from_str::<ToolChoice>(json).unwrap_err();
        insta::assert_snapshot!(refused(r#""any""#), @r#"invalid value: string "any", expected "auto", "none", "required" or a function at line 1 column 5"#);
        insta::assert_snapshot!(refused("5"), @r#"invalid type: integer `5`, expected "auto", "none", "required" or a function at line 1 column 1"#);
        insta::assert_snapshot!(refused(r#"{"type": "custom"}"#), @"unknown variant `custom`, expected `function` at line 1 column 17");
        insta::assert_snapshot!(refused(r#"{"type": "function"}"#), @"missing field `function` at line 1 column 20");
    }

    proptest! {
        #[test]
        fn round_trip(choice in tool_choice()) {
            let json = serde_json::to_string(&choice).unwrap();
            prop_assert_eq!(serde_json::from_str::<ToolChoice>(&json).unwrap(), choice);
        }
    }
}
