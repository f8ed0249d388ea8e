//! Bodies of the native API as requests.

use rkllm_api::{ChatRequest, GenerateRequest, ToolChoice as Choice};
use rkllm_chat::Message;
use serde_json::Value;

use super::conversation::{conversation, role};
use crate::dialect::{json, tools};
use crate::error::Error;
use crate::generate::{Format, Input, Request, Tool, ToolChoice, Tuning};
use crate::worker::ROLE;

/// A request as it came, checked for what needs no model.
pub(in crate::dialect) struct Parsed {
    pub(in crate::dialect) model: Option<String>,
    pub(in crate::dialect) request: Request,
    pub(in crate::dialect) stream: bool,
    /// What the role of the last message is called in the body.
    pub(in crate::dialect) role: String,
    /// Fields that nobody knows, or that mean nothing where they stand.
    pub(in crate::dialect) ignored: Vec<String>,
}

pub(in crate::dialect) fn generate(body: &[u8]) -> Result<Parsed, Error> {
    let (request, ignored) =
        json::parse::<GenerateRequest>(body, r#"{"prompt": "Hello, how are you?"}"#)?;
    let tuning = tuning(request.tuning())?;
    json::no_nul("prompt", &request.prompt)?;
    if request.prompt.is_empty() {
        return Err(Error::invalid("prompt is empty; send the text to answer"));
    }
    let (model, stream) = (request.model, request.stream);
    let request = Request {
        input: Input::chat(vec![Message::new(role(request.role), request.prompt)]),
        format: format(request.format),
        enable_thinking: request.enable_thinking,
        tuning,
        ..Request::default()
    };
    Ok(Parsed { model, request, stream, role: ROLE.to_owned(), ignored })
}

pub(in crate::dialect) fn chat(body: &[u8]) -> Result<Parsed, Error> {
    let example = r#"{"messages": [{"role": "user", "content": "Hello"}]}"#;
    let (request, mut ignored) = json::parse::<ChatRequest>(body, example)?;
    let tuning = tuning(request.tuning())?;
    if request.messages.is_empty() {
        return Err(Error::invalid(format!("messages is empty; send for example {example}")));
    }
    let (model, stream) = (request.model, request.stream);
    let role = format!("messages[{}].{ROLE}", request.messages.len() - 1);
    let input = Input::chat(conversation(request.messages, &mut ignored)?);
    let tools = functions(request.tools)?;
    let tool_choice = choice(request.tool_choice, &tools)?;
    let request = Request {
        input,
        tools,
        tool_choice,
        format: format(request.format),
        enable_thinking: request.enable_thinking,
        tuning,
        ..Request::default()
    };
    Ok(Parsed { model, request, stream, role, ignored })
}

fn functions(wire: Vec<rkllm_api::Tool>) -> Result<Vec<Tool>, Error> {
    let mut all = Vec::with_capacity(wire.len());
    for (index, rkllm_api::Tool { function, .. }) in wire.into_iter().enumerate() {
        let tool = Tool {
            name: function.name,
            description: function.description,
            parameters: function.parameters.map(Value::Object),
        };
        tools::check(&tool, &format!("tools[{index}].function"))?;
        all.push(tool);
    }
    Ok(all)
}

fn choice(wire: Option<Choice>, tools: &[Tool]) -> Result<ToolChoice, Error> {
    let choice = match wire {
        None | Some(Choice::Auto) => ToolChoice::Auto,
        Some(Choice::None) => ToolChoice::None,
        Some(Choice::Required) => ToolChoice::Required,
        Some(Choice::Function(name)) => ToolChoice::Function(name),
    };
    tools::check_choice(&choice, tools, "tool_choice")?;
    Ok(choice)
}

fn format(wire: Option<rkllm_api::Format>) -> Format {
    match wire {
        None => Format::Text,
        Some(rkllm_api::Format::Json) => Format::JsonObject,
        // Whoever sends a schema relies on it: better no answer than another one.
        Some(rkllm_api::Format::Schema(schema)) => {
            Format::JsonSchema { schema: Value::Object(schema), strict: true }
        }
    }
}

fn tuning(tuning: rkllm_api::Tuning) -> Result<Tuning, Error> {
    let stop = tuning.stop.map(|stop| stop.into_vec()).unwrap_or_default();
    for (index, stop) in stop.iter().enumerate() {
        json::no_nul(&format!("stop[{index}]"), stop)?;
    }
    Ok(Tuning {
        temperature: tuning.temperature,
        top_p: tuning.top_p,
        top_k: tuning.top_k,
        repeat_penalty: tuning.repeat_penalty,
        frequency_penalty: tuning.frequency_penalty,
        presence_penalty: tuning.presence_penalty,
        max_new_tokens: tuning.max_new_tokens,
        seed: tuning.seed,
        stop,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(rest: &str) -> String {
        format!(r#"{{"messages": [{{"role": "user", "content": "hi"}}], {rest}}}"#)
    }

    #[test]
    fn every_field_reaches_the_request() {
        let body = asking(
            r#""model": "m", "stream": true, "enable_thinking": false, "seed": 7,
            "tools": [{"function": {"name": "f", "parameters": {"type": "object"}}},
                      {"type": "function", "function": {"name": "g", "description": "d"}}],
            "tool_choice": {"type": "function", "function": {"name": "g"}},
            "format": {"type": "object", "properties": {"z": {}, "a": {}}}"#,
        );
        let parsed = chat(body.as_bytes()).unwrap();
        assert_eq!((parsed.model.as_deref(), parsed.stream), (Some("m"), true));
        assert!(parsed.ignored.is_empty(), "{:?}", parsed.ignored);
        insta::assert_json_snapshot!(parsed.request, @r#"
        {
          "input": {
            "Chat": {
              "messages": [
                {
                  "role": "user",
                  "content": "hi",
                  "reasoning": null,
                  "tool_calls": [],
                  "tool_call_id": null,
                  "name": null
                }
              ],
              "open": false
            }
          },
          "tools": [
            {
              "name": "f",
              "description": null,
              "parameters": {
                "type": "object"
              }
            },
            {
              "name": "g",
              "description": "d",
              "parameters": null
            }
          ],
          "tool_choice": {
            "Function": "g"
          },
          "one_call": false,
          "documents": [],
          "format": {
            "JsonSchema": {
              "schema": {
                "type": "object",
                "properties": {
                  "z": {},
                  "a": {}
                }
              },
              "strict": true
            }
          },
          "enable_thinking": false,
          "template_kwargs": {},
          "overflow": null,
          "context": null,
          "tuning": {
            "temperature": null,
            "top_p": null,
            "top_k": null,
            "repeat_penalty": null,
            "frequency_penalty": null,
            "presence_penalty": null,
            "max_new_tokens": null,
            "seed": 7,
            "stop": []
          }
        }
        "#);
    }

    #[test]
    fn null_is_absent() {
        let body = asking(r#""tools": null, "tool_choice": null, "format": null"#);
        let parsed = chat(body.as_bytes()).unwrap();
        let input = Input::chat(vec![Message::new(rkllm_chat::Role::User, "hi")]);
        assert_eq!(parsed.request, Request { input, ..Request::default() });
        assert!(parsed.ignored.is_empty(), "{:?}", parsed.ignored);
    }

    #[test]
    fn choices_and_formats_have_names() {
        let read = |rest: &str| chat(asking(rest).as_bytes()).unwrap().request;
        let tools = r#""tools": [{"function": {"name": "f"}}]"#;
        for (name, expected) in [
            ("auto", ToolChoice::Auto),
            ("none", ToolChoice::None),
            ("required", ToolChoice::Required),
        ] {
            let request = read(&format!(r#"{tools}, "tool_choice": "{name}""#));
            assert_eq!(request.tool_choice, expected);
        }
        assert_eq!(read(r#""format": "json""#).format, Format::JsonObject);
    }

    #[test]
    fn one_message_is_answered_in_a_format_and_knows_no_functions() {
        let body = r#"{"prompt": "hi", "format": "json", "tools": [], "tool_choice": "auto"}"#;
        let parsed = generate(body.as_bytes()).unwrap();
        assert_eq!(parsed.request.format, Format::JsonObject);
        assert_eq!(parsed.ignored, ["tools", "tool_choice"]);
    }

    #[test]
    fn every_fault_is_named() {
        let refused = |rest: &str| {
            let Err(error) = chat(asking(rest).as_bytes()) else { panic!("{rest} is accepted") };
            let said = error.message.split("; send for example").next().unwrap_or_default();
            format!("{}: {said}", error.param.as_deref().unwrap_or("-"))
        };
        let said = [
            r#""tools": {}"#,
            r#""tools": [{"type": "web_search"}]"#,
            r#""tools": [{"type": "function"}]"#,
            r#""tools": [{"function": {}}]"#,
            r#""tools": [{"function": {"name": ""}}]"#,
            r#""tools": [{"function": {"name": "f", "parameters": []}}]"#,
            r#""tool_choice": "any""#,
            r#""tool_choice": 5"#,
            r#""tool_choice": "required""#,
            r#""tool_choice": {"type": "custom"}"#,
            r#""tool_choice": {"function": {"name": "f"}}"#,
            r#""format": "xml""#,
            r#""format": []"#,
        ]
        .map(refused);
        insta::assert_snapshot!(said.join("\n"), @r#"
        tools: tools: invalid type: map, expected a list at line 1 column 59
        tools[0].type: tools[0].type: unknown variant `web_search`, expected `function` at line 1 column 81
        tools[0].function: tools[0]: missing field `function` at line 1 column 80
        tools[0].function.name: tools[0].function: missing field `name` at line 1 column 75
        tools[0].function.name: tools[0].function.name is empty; send the function's name
        tools[0].function.parameters: tools[0].function.parameters: invalid type: sequence, expected an object at line 1 column 101
        tool_choice: tool_choice: invalid value: string "any", expected "auto", "none", "required" or a function at line 1 column 70
        tool_choice: tool_choice: invalid type: integer `5`, expected "auto", "none", "required" or a function at line 1 column 66
        tool_choice: tool_choice is "required", but there are no tools; send some
        tool_choice.type: tool_choice.type: unknown variant `custom`, expected `function` at line 1 column 82
        tool_choice: tool_choice names the function "f", which no tool has
        format: format: invalid value: string "xml", expected "json" or a JSON schema, which is an object at line 1 column 65
        format: format: invalid type: sequence, expected "json" or a JSON schema, which is an object at line 1 column 62
        "#);
    }
}
