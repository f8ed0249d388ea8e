//! What a template can show, found out by showing it something.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::view::{CallShape, Shape, variables};
use crate::{ChatTemplate, Error, Message, RenderOptions, Role, ToolCall};

const SYSTEM: &str = "rkllmProbeSystem";
const USER: &str = "rkllmProbeUser";
const ANSWER: &str = "rkllmProbeAnswer";
const RESULT: &str = "rkllmProbeResult";

const DOCUMENT: &str = "rkllmProbeDocument";

/// Names that no template writes by itself.
const TOOL: &str = "rkllm_probe_tool";
const SECOND_TOOL: &str = "rkllm_probe_other";
const PARAMETER: &str = "rkllm_probe_parameter";
const ARGUMENT: &str = "rkllmProbeArgument";

/// As some templates want the ids of calls.
const CALL_ID: &str = "rkllm0001";

/// What became known about a template.
#[derive(Debug, Default)]
pub(crate) struct Probed {
    /// Whether the source may read the text of a part of a message.
    reads_text: bool,
    /// Whether it may read the reasoning of a message by that name.
    pub(crate) reads_thinking: bool,
    wants_parts: OnceLock<bool>,
    loses_system: OnceLock<bool>,
    loses_inner_system: OnceLock<bool>,
    shows_tools: OnceLock<bool>,
    calls: OnceLock<Option<CallShape>>,
    loses_second_calls: OnceLock<bool>,
    results_after_calls: OnceLock<bool>,
    results: OnceLock<bool>,
}

impl Probed {
    pub(crate) fn new(source: &str) -> Self {
        let reads_thinking =
            [".thinking", "'thinking'", "\"thinking\""].iter().any(|name| source.contains(name));
        Self { reads_text: source.contains("text"), reads_thinking, ..Self::default() }
    }
}

/// What happens to the system texts of a conversation that the template does not refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SystemFate {
    Shown,
    /// Those after the beginning are left out.
    InnerLost,
    /// All are left out.
    Lost,
}

impl ChatTemplate {
    /// Whether the template tells the model which functions it may call. Where it does not,
    /// [`ChatTemplate::render`] describes them in the system text.
    pub fn supports_tools(&self) -> bool {
        let tools = Some(tools());
        self.for_options(&RenderOptions { tools, ..RenderOptions::default() }).shows_tools()
    }

    /// Whether the template has a place for a system text at the beginning. Where it has none,
    /// [`ChatTemplate::render`] puts that into the first user message.
    pub fn supports_system(&self) -> bool {
        let shown = self.probe(&[system(), user()], &RenderOptions::default());
        shown.is_ok_and(|text| text.contains(SYSTEM))
    }

    /// Whether the prompt depends on [`RenderOptions::enable_thinking`], or opens the model's
    /// reasoning.
    pub fn supports_thinking(&self) -> bool {
        let rendered = |enable_thinking| {
            let options = RenderOptions { enable_thinking, ..RenderOptions::default() };
            self.probe(&[user()], &options).unwrap_or_default()
        };
        let default = rendered(None);
        self.tags.opening_at_end(&default).is_some()
            || [Some(true), Some(false)].into_iter().any(|choice| rendered(choice) != default)
    }

    /// Whether the template shows the model the texts of [`RenderOptions::documents`].
    pub fn supports_documents(&self) -> bool {
        let document = json!({ "title": DOCUMENT, "text": DOCUMENT, "content": DOCUMENT });
        let options =
            RenderOptions { documents: Some(json!([document])), ..RenderOptions::default() };
        [&[user()][..], &[system(), user()]].into_iter().any(|messages| {
            self.probe(messages, &options).is_ok_and(|text| text.contains(DOCUMENT))
        })
    }

    /// Whether the template has a turn for the results of functions: the role `tool`. Where it has
    /// none, [`ChatTemplate::render`] puts them into user messages.
    pub fn supports_tool_results(&self) -> bool {
        self.shows_results_after(false)
    }

    /// Whether the content of messages must be a list of parts, not a string.
    pub(crate) fn wants_parts(&self) -> bool {
        *self.probed.wants_parts.get_or_init(|| {
            let shown = |parts| {
                let shape = Shape { parts, ..Shape::default() };
                self.probe_shaped(&[user()], &RenderOptions::default(), shape)
                    .is_ok_and(|text| text.contains(USER))
            };
            self.probed.reads_text && !shown(false) && shown(true)
        })
    }

    /// What the template does to the system messages of this conversation.
    pub(crate) fn fate_of_system(&self, messages: &[Message]) -> SystemFate {
        let is_system = |message: &Message| message.role == Role::System;
        let inner = messages.iter().skip_while(|message| is_system(message)).any(is_system);
        // Where the template refuses them, rendering the conversation tells why.
        let loses = |probe: &[Message]| {
            let text = self.probe(probe, &RenderOptions::default());
            text.is_ok_and(|text| !text.contains(SYSTEM))
        };
        let all = || loses(&[system(), user()]);
        let later = || loses(&[user(), answer(), system(), user()]);
        if messages.first().is_some_and(is_system) && *self.probed.loses_system.get_or_init(all) {
            SystemFate::Lost
        } else if inner && *self.probed.loses_inner_system.get_or_init(later) {
            SystemFate::InnerLost
        } else {
            SystemFate::Shown
        }
    }

    pub(crate) fn shows_tools(&self) -> bool {
        *self.probed.shows_tools.get_or_init(|| {
            let options = RenderOptions { tools: Some(tools()), ..RenderOptions::default() };
            [&[user()][..], &[system(), user()]].into_iter().any(|messages| {
                self.probe(messages, &options).is_ok_and(|text| text.contains(TOOL))
            })
        })
    }

    /// How the template wants calls; `None` when it shows them in no way.
    pub(crate) fn call_shape(&self) -> Option<CallShape> {
        *self.probed.calls.get_or_init(|| {
            let shapes = [(false, false), (false, true), (true, false), (true, true)]
                .map(|(string_arguments, no_content)| CallShape { string_arguments, no_content });
            let shown = shapes.map(|shape| self.probe_call(shape));
            let find = |good: fn(&str) -> bool| {
                let position = shown.iter().position(|text| good(text));
                position.map(|index| shapes[index])
            };
            find(|text| shows_call(text) && !text.contains(&format!("'{PARAMETER}':")))
                .or_else(|| find(shows_call))
        })
    }

    /// Whether of calls that are made together only the first is shown.
    pub(crate) fn loses_second_calls(&self) -> bool {
        let Some(calls) = self.call_shape() else { return false };
        *self.probed.loses_second_calls.get_or_init(|| {
            let made = [call(TOOL), call(SECOND_TOOL)];
            let calling =
                Message { tool_calls: made.to_vec(), ..Message::new(Role::Assistant, "") };
            let messages = [user(), calling, result(), result()];
            let shape = Shape { parts: self.wants_parts(), calls, ..Shape::default() };
            let text = self.probe_shaped(&messages, &RenderOptions::default(), shape);
            text.is_ok_and(|text| text.contains(TOOL) && !text.contains(SECOND_TOOL))
        })
    }

    /// Whether results are shown after calls, or after any answer.
    pub(crate) fn shows_results_after(&self, calls: bool) -> bool {
        if calls && let Some(shape) = self.call_shape() {
            let shown = || self.probe_call(shape).contains(RESULT);
            return *self.probed.results_after_calls.get_or_init(shown);
        }
        *self.probed.results.get_or_init(|| {
            let text = self.probe(&[user(), answer(), result()], &RenderOptions::default());
            text.is_ok_and(|text| text.contains(RESULT))
        })
    }

    /// A conversation with a call and its result; empty when the template does not take it.
    fn probe_call(&self, calls: CallShape) -> String {
        let calling = Message { tool_calls: vec![call(TOOL)], ..Message::new(Role::Assistant, "") };
        let shape = Shape { parts: self.wants_parts(), calls, ..Shape::default() };
        let text =
            self.probe_shaped(&[user(), calling, result()], &RenderOptions::default(), shape);
        text.unwrap_or_default()
    }

    fn probe(&self, messages: &[Message], options: &RenderOptions) -> Result<String, Error> {
        let shape = Shape { parts: self.wants_parts(), ..Shape::default() };
        self.probe_shaped(messages, options, shape)
    }

    fn probe_shaped(
        &self,
        messages: &[Message],
        options: &RenderOptions,
        shape: Shape,
    ) -> Result<String, Error> {
        let variables = variables(messages, options, shape);
        self.engine.evaluate(&variables, &self.special, options.now)
    }
}

fn shows_call(text: &str) -> bool {
    text.contains(TOOL) && text.contains(ARGUMENT)
}

fn call(name: &str) -> ToolCall {
    ToolCall {
        id: Some(CALL_ID.to_owned()),
        name: name.to_owned(),
        arguments: json!({ PARAMETER: ARGUMENT }),
    }
}

fn tools() -> Value {
    json!([{ "type": "function", "function": {
        "name": TOOL,
        "description": TOOL,
        "parameters": {
            "type": "object",
            "properties": { PARAMETER: { "type": "string", "description": PARAMETER } },
            "required": [PARAMETER],
        },
    }}])
}

fn system() -> Message {
    Message::new(Role::System, SYSTEM)
}

fn user() -> Message {
    Message::new(Role::User, USER)
}

fn answer() -> Message {
    Message::new(Role::Assistant, ANSWER)
}

fn result() -> Message {
    let (id, name) = (Some(CALL_ID.to_owned()), Some(TOOL.to_owned()));
    Message { tool_call_id: id, name, ..Message::new(Role::Tool, RESULT) }
}
