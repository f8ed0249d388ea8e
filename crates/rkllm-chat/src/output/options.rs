//! What is expected of an output.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::format::ToolFormat;
use super::reasoning::ReasoningTags;

/// What to look for in an output; nothing by default, so that all of it is text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutputOptions {
    /// Stop strings, 16 at most. They count in the text of the answer only: neither in thoughts
    /// nor in calls, which would be cut to pieces, and not across these.
    pub stops: Vec<String>,
    /// The tags of thoughts; `None` leaves them in the text.
    pub reasoning: Option<ReasoningTags>,
    /// Whether the prompt has opened a thought already; without meaning if there are no tags.
    pub in_thought: bool,
    /// How calls are written; `None` leaves them in the text.
    pub tools: Option<ToolFormat>,
    /// The functions that may be called. If there are any, a call of another one is text. Without
    /// meaning if no calls are looked for.
    pub functions: Vec<KnownFunction>,
}

/// A function that the model may call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFunction {
    /// Its name.
    pub name: String,
    /// The parameters that are strings. Formats that do not quote strings need to know: without
    /// it, the text `12` is a number in them.
    #[serde(default)]
    pub strings: Vec<String>,
}

impl KnownFunction {
    /// A function and the JSON schema of its parameters, as OpenAI's API describes them.
    ///
    /// ```
    /// use rkllm_chat::KnownFunction;
    ///
    /// let parameters = serde_json::json!({
    ///     "type": "object",
    ///     "properties": {"zip": {"type": "string"}, "days": {"type": "integer"}},
    /// });
    /// assert_eq!(KnownFunction::new("weather", &parameters).strings, ["zip"]);
    /// ```
    pub fn new(name: impl Into<String>, parameters: &Value) -> Self {
        let properties = parameters["properties"].as_object().into_iter().flatten();
        let strings = properties.filter(|(_, schema)| is_string(schema));
        Self { name: name.into(), strings: strings.map(|(name, _)| name.clone()).collect() }
    }
}

/// Whether a schema admits strings and nothing else but null, as far as it says so itself.
fn is_string(schema: &Value) -> bool {
    let is_null = |schema: &Value| *schema == "null" || schema["type"] == "null";
    let all = |schemas: &[Value], is_string: fn(&Value) -> bool| {
        schemas.iter().any(is_string)
            && schemas.iter().all(|schema| is_string(schema) || is_null(schema))
    };
    if let Value::Array(schemas) = &schema["anyOf"] {
        return all(schemas, is_string);
    }
    match &schema["type"] {
        Value::String(kind) => kind == "string",
        Value::Array(kinds) => all(kinds, |kind| kind == "string"),
        _ => {
            schema["const"].is_string() || {
                let values = schema["enum"].as_array();
                values.is_some_and(|values| values.iter().all(Value::is_string))
            }
        }
    }
}

impl From<&str> for KnownFunction {
    /// A function of which only the name is known.
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), strings: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn string_parameters_are_found_in_the_schema() {
        let function = KnownFunction::new(
            "f",
            &json!({"properties": {
                "a": {"type": "string"},
                "b": {"type": ["string", "null"]},
                "c": {"type": ["string", "integer"]},
                "d": {"enum": ["x", "y"]},
                "e": {"type": "boolean"},
                "f": {},
                "g": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "h": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "i": {"const": "x"},
            }}),
        );
        assert_eq!(function.strings, ["a", "b", "d", "g", "i"]);
        assert_eq!(KnownFunction::new("f", &json!(null)), KnownFunction::from("f"));
    }

    #[test]
    fn options_survive_the_way_to_another_process() {
        let options = OutputOptions {
            stops: vec!["\n".into()],
            reasoning: ReasoningTags::detect("</think>"),
            in_thought: true,
            tools: Some(ToolFormat::Mistral),
            functions: vec!["f".into()],
        };
        let json = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<OutputOptions>(&json).unwrap(), options);
        assert_eq!(serde_json::from_str::<OutputOptions>("{}").unwrap(), OutputOptions::default());
        assert!(serde_json::from_str::<OutputOptions>(r#"{"stop": []}"#).is_err());
    }
}
