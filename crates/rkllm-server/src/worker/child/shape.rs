//! What an answer must look like: held to by the runtime where it can, asked for and checked
//! elsewhere.

use rkllm::{Capability, Constraint};
use rkllm_chat::{JsonSchema, ToolFormat};
use serde_json::{Value, json};

use super::load::Loaded;
use crate::error::{Code, Error};
use crate::generate::{Format, Request, Tool, ToolChoice};

/// How a request's wish for a certain form is met.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// What the runtime holds the answer to.
    pub(super) constraint: Option<Constraint>,
    /// What the model is told in the system text.
    pub(super) instruction: Option<String>,
    /// What the text is checked against before any of it is delivered.
    pub(super) check: Option<Check>,
    /// How the model writes calls, where its own way is not kept to.
    pub(super) tool_format: Option<ToolFormat>,
}

/// A check of a whole answer.
#[derive(Debug)]
pub(super) struct Check {
    /// What its text must be; `None` is anything.
    pub(super) schema: Option<JsonSchema>,
    /// Whether it must call a function.
    pub(super) call: bool,
    /// Whether an answer that fails is an error.
    pub(super) strict: bool,
}

impl Shape {
    pub(super) fn of(loaded: &Loaded, request: &Request) -> Result<Self, Error> {
        let forced = match &request.tool_choice {
            ToolChoice::Required => Some(request.tools.iter().collect::<Vec<_>>()),
            ToolChoice::Function(name) => {
                Some(request.tools.iter().filter(|tool| tool.name == *name).collect())
            }
            ToolChoice::Auto | ToolChoice::None => None,
        };
        match forced {
            Some(tools) if tools.is_empty() => Err(Error {
                param: Some("tool_choice".to_owned()),
                ..Error::invalid("tool_choice names a function that is not among the tools")
            }),
            Some(tools) => forced_call(loaded, &tools),
            None => formatted(loaded, request),
        }
    }
}

/// An answer that is a call of one of these functions.
fn forced_call(loaded: &Loaded, tools: &[&Tool]) -> Result<Shape, Error> {
    let own = loaded.text.as_ref().and_then(|text| text.tool_format);
    let key = if own == Some(ToolFormat::Llama) { "parameters" } else { "arguments" };
    let calls: Vec<_> = tools.iter().map(|tool| call_schema(tool, key)).collect();
    let schema = match &calls[..] {
        [only] => only.clone(),
        _ => json!({ "anyOf": calls }),
    };
    if !loaded.runtime.supports(Capability::Constraint) {
        let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
        return Ok(Shape {
            instruction: Some(format!(
                "Answer with a call of a function and nothing else. Call one of: {}.",
                names.join(", ")
            )),
            check: Some(Check { schema: None, call: true, strict: true }),
            ..Shape::default()
        });
    }
    let (constraint, format) = match own {
        Some(ToolFormat::Llama) => (Constraint::JsonSchema(schema.to_string()), ToolFormat::Llama),
        Some(ToolFormat::Hermes) | None => (
            Constraint::Lark(format!(
                "start: \"<tool_call>\\n\" call \"\\n</tool_call>\"\ncall: %json {schema}"
            )),
            ToolFormat::Hermes,
        ),
        // Their own ways are no JSON: what is forced is written in a way that every model can.
        Some(_) => (Constraint::JsonSchema(schema.to_string()), ToolFormat::Json),
    };
    check(loaded, &constraint, "tools")?;
    Ok(Shape { constraint: Some(constraint), tool_format: Some(format), ..Shape::default() })
}

fn call_schema(tool: &Tool, key: &str) -> Value {
    let parameters = match &tool.parameters {
        Some(Value::Object(schema)) if !schema.is_empty() => Value::Object(schema.clone()),
        _ => json!({ "type": "object" }),
    };
    json!({
        "type": "object",
        "properties": { "name": { "const": tool.name }, key: parameters },
        "required": ["name", key],
        "additionalProperties": false,
    })
}

/// An answer of the format that was asked for.
fn formatted(loaded: &Loaded, request: &Request) -> Result<Shape, Error> {
    // A model that may call functions instead cannot be held to a format of its text.
    let may_call = !request.tools.is_empty() && request.tool_choice == ToolChoice::Auto;
    let can_hold = loaded.runtime.supports(Capability::Constraint);
    let (constraint, strict) = match &request.format {
        Format::Text => return Ok(Shape::default()),
        Format::JsonObject => (Constraint::JsonObject, true),
        Format::JsonSchema { schema, strict } => {
            (Constraint::JsonSchema(schema.to_string()), *strict)
        }
        Format::Regex(_) | Format::Gbnf(_) if !can_hold || may_call => {
            return Err(Error {
                param: Some("format".to_owned()),
                ..Error::new(
                    Code::Unsupported,
                    "this model's runtime cannot hold an answer to a grammar; use a JSON schema",
                )
            });
        }
        Format::Regex(pattern) => (Constraint::Regex(pattern.clone()), true),
        Format::Gbnf(grammar) => (Constraint::Gbnf(grammar.clone()), true),
    };
    if can_hold && !may_call {
        match check(loaded, &constraint, "format") {
            Ok(()) => return Ok(Shape { constraint: Some(constraint), ..Shape::default() }),
            // A schema beyond what answers can be held to may still be asked for.
            Err(error) if strict => return Err(error),
            Err(_) => {}
        }
    }
    let schema = match &request.format {
        Format::JsonSchema { schema, .. } => JsonSchema::compile(schema),
        _ => JsonSchema::object(),
    };
    let schema = schema.map_err(|error| Error {
        param: Some("format".to_owned()),
        ..Error::invalid(error.to_string())
    })?;
    Ok(Shape {
        instruction: Some(schema.instruction().to_owned()),
        check: Some(Check { schema: Some(schema), call: false, strict }),
        ..Shape::default()
    })
}

/// Refuses what answers cannot be held to.
fn check(loaded: &Loaded, constraint: &Constraint, param: &str) -> Result<(), Error> {
    let Some(super::vocabulary::Vocabulary::Runtime(model)) =
        loaded.text.as_ref().map(|text| &text.vocabulary)
    else {
        return Ok(());
    };
    model.check_constraint(constraint).map_err(|error| Error {
        param: Some(param.to_owned()),
        ..Error::invalid(error.to_string())
    })
}
