//! The functions that a model may call.

use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::generate::Tool;

/// One entry of `tools`.
#[derive(Debug, Deserialize)]
pub(super) struct WireTool {
    /// Always `function`, where it is said at all.
    #[serde(rename = "type")]
    kind: Option<String>,
    function: WireFunction,
}

#[derive(Debug, Deserialize)]
struct WireFunction {
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
}

/// The functions of a request.
pub(super) fn tools(wire: Vec<WireTool>) -> Result<Vec<Tool>, Error> {
    wire.into_iter().enumerate().map(|(index, wire)| tool(index, wire)).collect()
}

fn tool(index: usize, wire: WireTool) -> Result<Tool, Error> {
    let refuse = |what: String| Err(Error::invalid(format!("tools[{index}].{what}")));
    if let Some(kind) = wire.kind.filter(|kind| !kind.is_empty() && kind != "function") {
        let kind: String = kind.chars().take(40).collect();
        return refuse(format!("type is {kind:?}; only \"function\" is known"));
    }
    let WireFunction { name, description, parameters } = wire.function;
    if name.is_empty() {
        return refuse("function.name is empty; send the function's name".to_owned());
    }
    let parameters = parameters.filter(|parameters| !parameters.is_null());
    if parameters.as_ref().is_some_and(|parameters| !parameters.is_object()) {
        return refuse("function.parameters is no JSON schema, which is an object".to_owned());
    }
    Ok(Tool { name, description, parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Vec<Tool>, Error> {
        tools(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn schemas_pass_as_they_are() {
        let parsed = parse(
            r#"[{"type": "function", "function": {"name": "weather", "description": "tells",
                 "parameters": {"type": "object", "properties": {"city": {"type": ["string", "null"],
                 "enum": ["Oslo"], "title": "City"}}, "$defs": {}}}},
                {"function": {"name": "now", "parameters": null}}]"#,
        )
        .unwrap();
        assert_eq!(parsed.len(), 2);
        assert_eq!(parsed[0].description.as_deref(), Some("tells"));
        let schema = parsed[0].parameters.as_ref().unwrap();
        assert_eq!(schema["properties"]["city"]["type"][1], "null");
        assert_eq!(parsed[1], Tool { name: "now".into(), ..Tool::default() });
    }

    #[test]
    fn what_is_no_function_is_refused() {
        let said = |json| parse(json).unwrap_err().message;
        insta::assert_snapshot!(said(r#"[{"type": "retrieval", "function": {"name": "x"}}]"#), @r#"tools[0].type is "retrieval"; only "function" is known"#);
        insta::assert_snapshot!(said(r#"[{"function": {"name": ""}}]"#), @"tools[0].function.name is empty; send the function's name");
        insta::assert_snapshot!(said(r#"[{"function": {"name": "x", "parameters": []}}]"#), @"tools[0].function.parameters is no JSON schema, which is an object");
    }
}
