//! What Python's `jinja2` makes of the same templates and conversations.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rkllm_chat::{Message, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Conversation, Model};

/// The virtual environment with `jinja2`, in the workspace.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/bin/python");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/reference.py");

/// What the script is asked.
#[derive(Default, Serialize)]
pub(super) struct Request {
    templates: Map<String, Value>,
    cases: Vec<Value>,
}

/// What it says about one case.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    Text(String),
    Raised(String),
    Failed(String),
}

impl Request {
    pub(super) fn add(&mut self, model: &Model, conversation: &Conversation) {
        self.templates.insert(model.name.clone(), model.source.as_str().into());
        let options = &conversation.options;
        let mut variables = options.kwargs.clone();
        if let Some(enabled) = options.enable_thinking {
            variables.insert("enable_thinking".to_owned(), enabled.into());
        }
        let views = conversation.messages.iter().map(|message| view(message, model));
        let opens = options.add_generation_prompt && !options.continue_final_message;
        let tools = options.tools.clone().filter(|tools| *tools != json!([]));
        variables.extend([
            ("messages".to_owned(), views.collect()),
            ("tools".to_owned(), tools.unwrap_or_default()),
            ("documents".to_owned(), options.documents.clone().unwrap_or_default()),
            ("add_generation_prompt".to_owned(), opens.into()),
            ("bos_token".to_owned(), model.bos().into()),
            ("eos_token".to_owned(), model.eos().into()),
        ]);
        self.cases.push(json!({
            "template": model.name,
            "variables": variables,
            "now": conversation.options.now.unwrap().to_string(),
            "continue": options.continue_final_message,
        }));
    }
}

/// A message as the users of `transformers` write it for this model.
fn view(message: &Message, model: &Model) -> Value {
    let silent = message.content.is_empty() && !message.tool_calls.is_empty();
    let content = match (silent && model.no_content(), model.parts()) {
        (true, _) => Value::Null,
        (false, true) => json!([{ "type": "text", "text": message.content }]),
        (false, false) => json!(message.content),
    };
    let mut view = json!({ "role": message.role.as_str(), "content": content });
    if let Some(reasoning) = &message.reasoning {
        view["reasoning_content"] = json!(reasoning);
        if model.thinking() && (message.content.is_empty() || message.tool_calls.is_empty()) {
            view["thinking"] = json!(reasoning);
        }
    }
    if !message.tool_calls.is_empty() {
        view["tool_calls"] = message.tool_calls.iter().map(|call| call_view(call, model)).collect();
    }
    if let Some(id) = &message.tool_call_id {
        view["tool_call_id"] = json!(id);
    }
    if let Some(name) = &message.name {
        view["name"] = json!(name);
    }
    view
}

fn call_view(call: &ToolCall, model: &Model) -> Value {
    let arguments = match model.string_arguments() {
        true => json!(spaced(&call.arguments)),
        false => call.arguments.clone(),
    };
    let function = json!({ "name": call.name, "arguments": arguments });
    match &call.id {
        Some(id) => json!({ "id": id, "type": "function", "function": function }),
        None => json!({ "type": "function", "function": function }),
    }
}

/// JSON as Python writes it.
fn spaced(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", joined(items.iter().map(spaced).collect())),
        Value::Object(map) => {
            let entry =
                |(key, value): (&String, &Value)| format!("{}: {}", json!(key), spaced(value));
            format!("{{{}}}", joined(map.iter().map(entry).collect()))
        }
        plain => plain.to_string(),
    }
}

/// The script's answers, in the order of the cases.
pub(super) fn answers(request: &Request) -> Vec<Answer> {
    assert!(
        Path::new(PYTHON).exists(),
        "{PYTHON} is missing: run `make python` in the workspace, which sets it up"
    );
    let mut child = Command::new(PYTHON)
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{PYTHON}: {error}; run `make python`"));
    let question = serde_json::to_vec(request).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&question));
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{SCRIPT} failed ({}): run `make python`", output.status);
    let answers: Vec<Answer> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), request.cases.len());
    answers
}
