//! Bodies of the native API as requests.

use rkllm_api::{ChatRequest, GenerateRequest};
use rkllm_chat::Message;

use crate::dialect::json;
use crate::error::Error;
use crate::generate::Tuning;

/// A request as it came, checked for what needs no model.
pub(in crate::dialect) struct Parsed {
    pub(in crate::dialect) model: Option<String>,
    pub(in crate::dialect) messages: Vec<Message>,
    pub(in crate::dialect) enable_thinking: Option<bool>,
    pub(in crate::dialect) stream: bool,
    pub(in crate::dialect) tuning: Tuning,
    /// Fields that nobody knows.
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
    Ok(Parsed {
        model: request.model,
        messages: vec![Message::new(role(request.role), request.prompt)],
        enable_thinking: request.enable_thinking,
        stream: request.stream,
        tuning,
        ignored,
    })
}

pub(in crate::dialect) fn chat(body: &[u8]) -> Result<Parsed, Error> {
    let example = r#"{"messages": [{"role": "user", "content": "Hello"}]}"#;
    let (request, ignored) = json::parse::<ChatRequest>(body, example)?;
    let tuning = tuning(request.tuning())?;
    if request.messages.is_empty() {
        return Err(Error::invalid(format!("messages is empty; send for example {example}")));
    }
    let mut messages = Vec::with_capacity(request.messages.len());
    for (index, message) in request.messages.into_iter().enumerate() {
        json::no_nul(&format!("messages[{index}].content"), &message.content)?;
        messages.push(Message::new(role(message.role), message.content));
    }
    Ok(Parsed {
        model: request.model,
        messages,
        enable_thinking: request.enable_thinking,
        stream: request.stream,
        tuning,
        ignored,
    })
}

fn role(role: rkllm_api::Role) -> rkllm_chat::Role {
    match role {
        rkllm_api::Role::System => rkllm_chat::Role::System,
        rkllm_api::Role::User => rkllm_chat::Role::User,
        rkllm_api::Role::Assistant => rkllm_chat::Role::Assistant,
        rkllm_api::Role::Tool => rkllm_chat::Role::Tool,
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
