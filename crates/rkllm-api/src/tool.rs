//! Functions that the model may call.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::null;

/// Something that the model may call.
///
/// ```
/// # use rkllm_api::{Tool, ToolFunction};
/// let tool = Tool::function(ToolFunction {
///     name: "weather".into(),
///     description: Some("The weather in a city.".into()),
///     parameters: None,
/// });
/// assert_eq!(
///     serde_json::to_string(&tool).unwrap(),
///     r#"{"type":"function","function":{"name":"weather","description":"The weather in a city."}}"#,
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tool {
    /// Always `function`.
    #[serde(rename = "type", default, deserialize_with = "null::as_default")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<ToolKind>))]
    pub kind: ToolKind,
    /// The function.
    pub function: ToolFunction,
}

impl Tool {
    /// A function as a tool.
    #[must_use]
    pub fn function(function: ToolFunction) -> Self {
        Self { kind: ToolKind::Function, function }
    }
}

/// What a tool is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ToolKind {
    /// `function`
    #[default]
    Function,
}

/// A function that the model may call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolFunction {
    /// The name, by which it is called; not empty.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub name: String,
    /// What it does, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON schema of the arguments, which are an object; `None`: there are none, or any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub parameters: Option<Map<String, Value>>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::format::tests::object;
    use proptest::option::of;
    use proptest::prelude::*;

    prop_compose! {
        pub(crate) fn tool()(
            name: String, description: Option<String>, parameters in of(object()),
        ) -> Tool {
            Tool::function(ToolFunction { name, description, parameters })
        }
    }

    #[test]
    fn the_type_need_not_be_said() {
        let read = |json| serde_json::from_str::<Tool>(json);
        let tool = Tool::function(ToolFunction { name: "f".into(), ..ToolFunction::default() });
        for json in [
            r#"{"function": {"name": "f"}}"#,
            r#"{"type": null, "function": {"name": "f", "description": null, "parameters": null}}"#,
            r#"{"type": "function", "function": {"name": "f"}}"#,
        ] {
            assert_eq!(read(json).unwrap(), tool);
        }
        insta::assert_snapshot!(read(r#"{"type": "search"}"#).unwrap_err(), @"unknown variant `search`, expected `function` at line 1 column 17");
        insta::assert_snapshot!(read(r#"{"type": "function"}"#).unwrap_err(), @"missing field `function` at line 1 column 20");
    }

    proptest! {
        #[test]
        fn round_trip(tool in tool()) {
            let json = serde_json::to_string(&tool).unwrap();
            prop_assert_eq!(serde_json::from_str::<Tool>(&json).unwrap(), tool);
        }
    }
}
