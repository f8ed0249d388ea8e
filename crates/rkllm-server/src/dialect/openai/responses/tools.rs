//! Functions that the model may call. Unlike in chats, their fields stand in the tool itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::dialect::openai::either::TextOrObject;
use crate::dialect::openai::error::invalid;
use crate::dialect::openai::tools::{Function, allow, mode};
use crate::dialect::tools::check_choice;
use crate::error::Error;
use crate::generate::{Tool, ToolChoice};

/// An entry of `tools`.
#[derive(Debug, Deserialize)]
pub(super) struct WireTool {
    r#type: Option<String>,
    name: Option<String>,
    description: Option<String>,
    parameters: Option<Value>,
    strict: Option<bool>,
}

/// `tool_choice`.
pub(super) type Choice = TextOrObject<ChoiceObject>;

/// A choice that names functions.
#[derive(Debug, Deserialize)]
pub(super) struct ChoiceObject {
    r#type: Option<String>,
    name: Option<String>,
    mode: Option<String>,
    tools: Option<Vec<NamedTool>>,
}

#[derive(Debug, Deserialize)]
struct NamedTool {
    name: Option<String>,
}

/// The functions among the tools. Tools of other kinds are left out and named in `ignored`: agents
/// send what their own provider runs to every provider.
pub(super) fn tools(wire: Vec<WireTool>, ignored: &mut Vec<String>) -> Result<Vec<Tool>, Error> {
    let mut tools = Vec::with_capacity(wire.len());
    for (index, tool) in wire.into_iter().enumerate() {
        let path = format!("tools[{index}]");
        let WireTool { r#type, name, description, parameters, strict } = tool;
        match (r#type.as_deref(), name) {
            (None | Some("function"), Some(name)) => {
                let function = Function { name, description, parameters, strict };
                tools.push(function.tool(&path, ignored)?);
            }
            (None | Some("function"), None) => {
                let path = format!("{path}.name");
                let message = format!("{path} is missing; send the function's name");
                return Err(invalid(path, message));
            }
            (Some(_), _) => ignored.push(path),
        }
    }
    Ok(tools)
}

/// What `tool_choice` says. A choice among functions leaves only those in `tools`.
pub(super) fn choice(choice: Option<Choice>, tools: &mut Vec<Tool>) -> Result<ToolChoice, Error> {
    let choice = match choice {
        None => return Ok(ToolChoice::Auto),
        Some(Choice::Text(word)) => mode("tool_choice", &word)?,
        Some(Choice::Object(object)) => object.choice(tools)?,
    };
    check_choice(&choice, tools, "tool_choice")?;
    Ok(choice)
}

impl ChoiceObject {
    fn choice(self, tools: &mut Vec<Tool>) -> Result<ToolChoice, Error> {
        match (self.r#type.as_deref(), self.name, self.tools) {
            (None | Some("function"), Some(name), _) => Ok(ToolChoice::Function(name)),
            (Some("allowed_tools"), _, Some(allowed)) => {
                let names: Vec<_> = allowed.into_iter().filter_map(|tool| tool.name).collect();
                allow("tool_choice.tools", &names, tools)?;
                mode("tool_choice.mode", self.mode.as_deref().unwrap_or("auto"))
            }
            _ => Err(invalid(
                "tool_choice",
                "tool_choice is of no known form; send \"auto\", \"none\", \"required\" or \
                 {\"type\": \"function\", \"name\": …}",
            )),
        }
    }
}

/// A tool as answers repeat it.
#[derive(Serialize)]
pub(super) struct EchoedTool {
    r#type: &'static str,
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
    strict: bool,
}

/// The tools as answers repeat them.
pub(super) fn echo(tools: &[Tool]) -> Vec<EchoedTool> {
    let echo = |tool: &Tool| {
        let Tool { name, description, parameters } = tool.clone();
        EchoedTool { r#type: "function", name, description, parameters, strict: false }
    };
    tools.iter().map(echo).collect()
}

/// The choice as answers repeat it.
pub(super) fn echo_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Function(name) => json!({"type": "function", "name": name}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tools: Value) -> Result<(Vec<Tool>, Vec<String>), Error> {
        let mut ignored = Vec::new();
        let tools = super::tools(serde_json::from_value(tools).unwrap(), &mut ignored)?;
        Ok((tools, ignored))
    }

    fn two() -> Vec<Tool> {
        ["a", "b"].map(|name| Tool { name: name.to_owned(), ..Tool::default() }).into()
    }

    fn chosen(choice: Value, tools: &mut Vec<Tool>) -> Result<ToolChoice, Error> {
        super::choice(Some(serde_json::from_value(choice).unwrap()), tools)
    }

    #[test]
    fn functions_are_taken_and_other_tools_are_named() {
        let (tools, ignored) = read(json!([
            {"type": "function", "name": "a", "description": "d", "strict": false,
             "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}},
            {"type": "web_search", "search_context_size": "low"},
            {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}},
            {"type": "function", "name": "b", "parameters": null, "strict": true},
        ]))
        .unwrap();
        insta::assert_snapshot!(
            serde_json::to_string(&echo(&tools)).unwrap(),
            @r#"[{"type":"function","name":"a","description":"d","parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":false},{"type":"function","name":"b","description":null,"parameters":null,"strict":false}]"#
        );
        assert_eq!(ignored, ["tools[1]", "tools[2]", "tools[3].strict"]);
    }

    #[test]
    fn a_function_has_a_name_and_a_schema() {
        let refused = |tools: Value| {
            let error = read(tools).unwrap_err();
            format!("{}: {error}", error.param.as_deref().unwrap())
        };
        insta::assert_snapshot!(refused(json!([{"type": "function"}])), @"tools[0].name: tools[0].name is missing; send the function's name");
        let list = json!([{"name": "a", "parameters": []}]);
        insta::assert_snapshot!(refused(list), @"tools[0].parameters: tools[0].parameters is no JSON schema; send an object");
    }

    #[test]
    fn every_form_of_choice_is_read_and_repeated() {
        let all = &mut two();
        assert_eq!(super::choice(None, all).unwrap(), ToolChoice::Auto);
        for form in [
            json!("auto"),
            json!("none"),
            json!("required"),
            json!({"type": "function", "name": "b"}),
        ] {
            assert_eq!(echo_choice(&chosen(form.clone(), all).unwrap()), form);
        }
        assert_eq!(*all, two());
        let allowed = json!({"type": "allowed_tools", "mode": "required",
            "tools": [{"type": "function", "name": "b"}, {"type": "web_search"}]});
        assert_eq!(chosen(allowed, all).unwrap(), ToolChoice::Required);
        assert_eq!(*all, two()[1..]);
    }

    #[test]
    fn choices_that_cannot_be_made_are_refused() {
        let said = [
            json!("any"),
            json!({"type": "function", "name": "c"}),
            json!({"type": "web_search_preview"}),
            json!({"type": "allowed_tools", "mode": "some", "tools": []}),
            json!({"type": "allowed_tools", "tools": [{"name": "c"}]}),
        ]
        .map(|choice| {
            let error = chosen(choice, &mut two()).unwrap_err();
            format!("{}: {error}", error.param.as_deref().unwrap())
        });
        insta::assert_snapshot!(said.join("\n"), @r#"
        tool_choice: tool_choice is "any"; send "auto", "none", "required" or a function
        tool_choice: tool_choice names the function "c", which no tool has
        tool_choice: tool_choice is of no known form; send "auto", "none", "required" or {"type": "function", "name": …}
        tool_choice.mode: tool_choice.mode is "some"; send "auto", "none", "required" or a function
        tool_choice.tools: tool_choice.tools names the function "c", which no tool has
        "#);
    }
}
