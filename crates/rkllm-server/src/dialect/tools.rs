//! What functions that a model may call have to be, whatever the dialect.

use serde_json::Value;

use super::refusal::invalid;
use crate::error::Error;
use crate::generate::{Tool, ToolChoice};

/// Refuses a function that nobody can call; `path` is where it stands.
pub(super) fn check(tool: &Tool, path: &str) -> Result<(), Error> {
    if tool.name.is_empty() {
        let message = format!("{path}.name is empty; send the function's name");
        return Err(invalid(format!("{path}.name"), message));
    }
    if tool.parameters.as_ref().is_some_and(|parameters| !Value::is_object(parameters)) {
        let message = format!("{path}.parameters is no JSON schema; send an object");
        return Err(invalid(format!("{path}.parameters"), message));
    }
    Ok(())
}

/// Refuses to call for what is not among the tools; `field` is where that is done.
pub(super) fn check_choice(choice: &ToolChoice, tools: &[Tool], field: &str) -> Result<(), Error> {
    match choice {
        ToolChoice::Required if tools.is_empty() => {
            let message = format!("{field} is \"required\", but there are no tools; send some");
            Err(invalid(field, message))
        }
        ToolChoice::Function(name) if tools.iter().all(|tool| tool.name != *name) => {
            let message = format!("{field} names the function {name:?}, which no tool has");
            Err(invalid(field, message))
        }
        _ => Ok(()),
    }
}
