//! Functions that the model may call, and which of them it shall.

use serde::Deserialize;
use serde_json::Value;

use super::either::TextOrObject;
use super::error::{invalid, unsupported};
use crate::dialect::tools::{check, check_choice};
use crate::error::Error;
use crate::generate::{Tool, ToolChoice};

/// An entry of `tools`.
#[derive(Debug, Deserialize)]
pub(super) struct WireTool {
    r#type: Option<String>,
    function: Option<Function>,
}

/// A function as it came.
#[derive(Debug, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<Value>,
    pub(super) strict: Option<bool>,
}

/// `tool_choice`.
pub(super) type Choice = TextOrObject<ChoiceObject>;

/// A choice that names functions.
#[derive(Debug, Deserialize)]
pub(super) struct ChoiceObject {
    r#type: Option<String>,
    function: Option<Name>,
    allowed_tools: Option<AllowedTools>,
}

/// A function by its name.
#[derive(Debug, Deserialize)]
pub(super) struct Name {
    name: String,
}

#[derive(Debug, Deserialize)]
struct AllowedTools {
    mode: Option<String>,
    tools: Vec<NamedTool>,
}

#[derive(Debug, Deserialize)]
struct NamedTool {
    function: Option<Name>,
}

/// The functions among the tools. Tools of other kinds are left out and named in `ignored`: agents
/// send what their own provider runs to every provider.
pub(super) fn tools(wire: Vec<WireTool>, ignored: &mut Vec<String>) -> Result<Vec<Tool>, Error> {
    let mut tools = Vec::with_capacity(wire.len());
    for (index, tool) in wire.into_iter().enumerate() {
        let path = format!("tools[{index}]");
        match (tool.r#type.as_deref(), tool.function) {
            (None | Some("function"), Some(function)) => {
                tools.push(function.tool(&format!("{path}.function"), ignored)?);
            }
            (None | Some("function"), None) => {
                let message = format!("{path}.function is missing; send an object with a name");
                return Err(invalid(format!("{path}.function"), message));
            }
            (Some(_), _) => ignored.push(path),
        }
    }
    Ok(tools)
}

/// The entries of `functions`, which `tools` has replaced.
pub(super) fn functions(
    wire: Vec<Function>,
    ignored: &mut Vec<String>,
) -> Result<Vec<Tool>, Error> {
    let numbered = wire.into_iter().enumerate();
    numbered
        .map(|(index, function)| function.tool(&format!("functions[{index}]"), ignored))
        .collect()
}

impl Function {
    /// `path` is where the function stands.
    pub(super) fn tool(self, path: &str, ignored: &mut Vec<String>) -> Result<Tool, Error> {
        let Self { name, description, parameters, strict } = self;
        let tool = Tool { name, description, parameters };
        check(&tool, path)?;
        if strict == Some(true) {
            ignored.push(format!("{path}.strict"));
        }
        Ok(tool)
    }
}

/// What `tool_choice` says. A choice among functions leaves only those in `tools`.
pub(super) fn choice(choice: Option<Choice>, tools: &mut Vec<Tool>) -> Result<ToolChoice, Error> {
    let choice = match choice {
        None => return Ok(ToolChoice::Auto),
        Some(Choice::Text(mode)) => self::mode("tool_choice", &mode)?,
        Some(Choice::Object(object)) => object.choice(tools)?,
    };
    check_choice(&choice, tools, "tool_choice")?;
    Ok(choice)
}

impl ChoiceObject {
    fn choice(self, tools: &mut Vec<Tool>) -> Result<ToolChoice, Error> {
        let Self { r#type, function, allowed_tools } = self;
        match (r#type.as_deref(), function, allowed_tools) {
            (None | Some("function"), Some(Name { name }), _) => Ok(ToolChoice::Function(name)),
            (Some("allowed_tools"), _, Some(allowed)) => allowed.choice(tools),
            _ => Err(invalid(
                "tool_choice",
                "tool_choice is of no known form; send \"auto\", \"none\", \"required\" or \
                 {\"type\": \"function\", \"function\": {\"name\": …}}",
            )),
        }
    }
}

/// What `function_call` says, which `tool_choice` has replaced.
pub(super) fn function_call(
    choice: Option<TextOrObject<Name>>,
    tools: &[Tool],
) -> Result<ToolChoice, Error> {
    let choice = match choice {
        None => ToolChoice::Auto,
        Some(TextOrObject::Text(mode)) => self::mode("function_call", &mode)?,
        Some(TextOrObject::Object(Name { name })) => ToolChoice::Function(name),
    };
    check_choice(&choice, tools, "function_call")?;
    Ok(choice)
}

/// A choice that is one word.
pub(super) fn mode(field: &str, mode: &str) -> Result<ToolChoice, Error> {
    match mode {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        other => {
            let message = format!(
                "{field} is {other:?}; send \"auto\", \"none\", \"required\" or a function"
            );
            Err(unsupported(field, message))
        }
    }
}

impl AllowedTools {
    fn choice(self, tools: &mut Vec<Tool>) -> Result<ToolChoice, Error> {
        let names: Vec<_> =
            self.tools.into_iter().filter_map(|tool| Some(tool.function?.name)).collect();
        allow("tool_choice.allowed_tools", &names, tools)?;
        mode("tool_choice.allowed_tools.mode", self.mode.as_deref().unwrap_or("auto"))
    }
}

/// Leaves only the named functions in `tools`.
pub(super) fn allow(field: &str, names: &[String], tools: &mut Vec<Tool>) -> Result<(), Error> {
    let unknown = names.iter().find(|name| tools.iter().all(|tool| tool.name != **name));
    if let Some(name) = unknown {
        let message = format!("{field} names the function {name:?}, which no tool has");
        return Err(invalid(field, message));
    }
    tools.retain(|tool| names.contains(&tool.name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tools: &str) -> Result<(Vec<Tool>, Vec<String>), Error> {
        let mut ignored = Vec::new();
        let tools = super::tools(serde_json::from_str(tools).unwrap(), &mut ignored)?;
        Ok((tools, ignored))
    }

    fn two() -> Vec<Tool> {
        ["a", "b"].map(|name| Tool { name: name.to_owned(), ..Tool::default() }).into()
    }

    fn chosen(json: &str, tools: &mut Vec<Tool>) -> Result<ToolChoice, Error> {
        choice(Some(serde_json::from_str(json).unwrap()), tools)
    }

    #[test]
    fn functions_are_taken_and_other_tools_are_named() {
        let (tools, ignored) = read(
            r#"[{"type": "function", "function": {"name": "a", "description": "d", "strict": false,
                 "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}},
                {"function": {"name": "b", "parameters": {}}},
                {"type": "web_search"},
                {"type": "function", "function": {"name": "c", "parameters": null, "strict": true}}]"#,
        )
        .unwrap();
        insta::assert_snapshot!(
            serde_json::to_string(&tools).unwrap(),
            @r#"[{"name":"a","description":"d","parameters":{"type":"object","properties":{"z":{},"a":{}}}},{"name":"b","description":null,"parameters":{}},{"name":"c","description":null,"parameters":null}]"#
        );
        assert_eq!(ignored, ["tools[2]", "tools[3].function.strict"]);
    }

    #[test]
    fn what_is_no_function_is_refused() {
        let refused = |tools: &str| {
            let error = read(tools).unwrap_err();
            format!("{}: {error}", error.param.as_deref().unwrap())
        };
        insta::assert_snapshot!(refused(r#"[{"type": "function"}]"#), @"tools[0].function: tools[0].function is missing; send an object with a name");
        insta::assert_snapshot!(refused(r#"[{"function": {"name": ""}}]"#), @"tools[0].function.name: tools[0].function.name is empty; send the function's name");
        insta::assert_snapshot!(refused(r#"[{"function": {"name": "a", "parameters": []}}]"#), @"tools[0].function.parameters: tools[0].function.parameters is no JSON schema; send an object");
    }

    #[test]
    fn every_form_of_choice_is_read() {
        let all = &mut two();
        assert_eq!(choice(None, all).unwrap(), ToolChoice::Auto);
        assert_eq!(chosen(r#""auto""#, all).unwrap(), ToolChoice::Auto);
        assert_eq!(chosen(r#""none""#, all).unwrap(), ToolChoice::None);
        assert_eq!(chosen(r#""required""#, all).unwrap(), ToolChoice::Required);
        let named = r#"{"type": "function", "function": {"name": "b"}}"#;
        assert_eq!(chosen(named, all).unwrap(), ToolChoice::Function("b".into()));
        assert_eq!(*all, two());
        let allowed = r#"{"type": "allowed_tools", "allowed_tools": {"mode": "required",
            "tools": [{"type": "function", "function": {"name": "b"}}]}}"#;
        assert_eq!(chosen(allowed, all).unwrap(), ToolChoice::Required);
        assert_eq!(*all, two()[1..]);
    }

    #[test]
    fn choices_that_cannot_be_made_are_refused() {
        let mut said = Vec::new();
        for choice in [
            r#""any""#,
            r#"{"type": "function", "function": {"name": "c"}}"#,
            r#"{"type": "custom"}"#,
            r#"{"type": "allowed_tools", "allowed_tools": {"mode": "some", "tools": []}}"#,
            r#"{"type": "allowed_tools", "allowed_tools": {"tools": [{"function": {"name": "c"}}]}}"#,
        ] {
            let error = chosen(choice, &mut two()).unwrap_err();
            said.push(format!("{}: {error}", error.param.as_deref().unwrap()));
        }
        let error = chosen(r#""required""#, &mut Vec::new()).unwrap_err();
        said.push(error.message);
        insta::assert_snapshot!(said.join("\n"), @r#"
        tool_choice: tool_choice is "any"; send "auto", "none", "required" or a function
        tool_choice: tool_choice names the function "c", which no tool has
        tool_choice: tool_choice is of no known form; send "auto", "none", "required" or {"type": "function", "function": {"name": …}}
        tool_choice.allowed_tools.mode: tool_choice.allowed_tools.mode is "some"; send "auto", "none", "required" or a function
        tool_choice.allowed_tools: tool_choice.allowed_tools names the function "c", which no tool has
        tool_choice is "required", but there are no tools; send some
        "#);
    }

    #[test]
    fn legacy_choices_are_read() {
        let read = |json: &str| function_call(Some(serde_json::from_str(json).unwrap()), &two());
        assert_eq!(read(r#""none""#).unwrap(), ToolChoice::None);
        assert_eq!(read(r#"{"name": "a"}"#).unwrap(), ToolChoice::Function("a".into()));
        assert_eq!(function_call(None, &two()).unwrap(), ToolChoice::Auto);
        let error = read(r#"{"name": "c"}"#).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("function_call"));
    }
}
