//! Tools and which of them an answer uses.

use super::request::{Choice, ChoiceKind, Tool as Wire};
use crate::dialect::json;
use crate::error::Error;
use crate::generate::{Tool, ToolChoice};

/// The client's own tools. Those that run on Anthropic's servers are left out and listed.
pub(super) fn tools(wires: Vec<Wire>, ignored: &mut Vec<String>) -> Result<Vec<Tool>, Error> {
    let mut tools = Vec::with_capacity(wires.len());
    for (index, wire) in wires.into_iter().enumerate() {
        if wire.r#type.is_some_and(|kind| kind != "custom") {
            ignored.push(format!("tools[{index}]"));
            continue;
        }
        let name = wire.name.filter(|name| !name.is_empty()).ok_or_else(|| {
            at(format!("tools[{index}].name"), "is missing; give the tool a name")
        })?;
        if let Some(description) = &wire.description {
            json::no_nul(&format!("tools[{index}].description"), description)?;
        }
        if wire.input_schema.as_ref().is_some_and(|schema| !schema.is_object()) {
            let place = format!("tools[{index}].input_schema");
            return Err(at(place, "is no object; send a JSON schema of an object"));
        }
        tools.push(Tool { name, description: wire.description, parameters: wire.input_schema });
    }
    Ok(tools)
}

/// Which tools an answer uses.
pub(super) fn choice(choice: Option<&Choice>, tools: &[Tool]) -> Result<ToolChoice, Error> {
    let Some(choice) = choice else {
        return Ok(ToolChoice::Auto);
    };
    match choice.r#type {
        ChoiceKind::Auto => Ok(ToolChoice::Auto),
        ChoiceKind::None => Ok(ToolChoice::None),
        ChoiceKind::Any if tools.is_empty() => {
            Err(at("tool_choice", "is any, but there are no tools; send some in `tools`"))
        }
        ChoiceKind::Any => Ok(ToolChoice::Required),
        ChoiceKind::Tool => {
            let name = choice.name.as_deref().unwrap_or_default();
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(at("tool_choice.name", "names none of `tools`; name one of them"));
            }
            Ok(ToolChoice::Function(name.to_owned()))
        }
    }
}

/// An error that names the field.
fn at(field: impl Into<String>, what: &str) -> Error {
    let field = field.into();
    Error { param: Some(field.clone()), ..Error::invalid(format!("{field} {what}")) }
}
