//! The JSON of the published API, word for word: programs written against it must keep working.

use serde_json::{Value, from_value, json, to_value};

use crate::finish::tests::{TIMINGS, USAGE};
use crate::{
    ChatRequest, ChatResponse, Choice, Delta, FinishReason, GenerateRequest, GenerateResponse,
    Health, Message, Role, StreamEvent, SuccessStatus,
};

/// Whether `whole` has everything that `part` has, with the same values.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|found| contains(found, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| contains(w, p))
        }
        _ => whole == part,
    }
}

#[test]
fn health() {
    let json = json!({"status": "healthy", "model_loaded": true, "timestamp": 1234567890.123});
    let health: Health = from_value(json.clone()).unwrap();
    assert_eq!((health.status.as_str(), &health.reason), (Health::HEALTHY, &None));
    assert_eq!(to_value(health).unwrap(), json);
}

#[test]
fn generate_request() {
    let json = json!({
        "prompt": "Your input prompt here",
        "role": "user",
        "enable_thinking": true,
        "stream": false,
    });
    let request: GenerateRequest = from_value(json.clone()).unwrap();
    assert_eq!(request.role, Role::User);
    assert_eq!(to_value(request).unwrap(), json);
}

#[test]
fn chat_request() {
    let json = json!({
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello, how are you?"},
        ],
        "stream": false,
    });
    let request: ChatRequest = from_value(json.clone()).unwrap();
    assert_eq!(request.messages[1], Message::user("Hello, how are you?"));
    assert_eq!(to_value(request).unwrap(), json);
}

#[test]
fn generate_response() {
    let response = GenerateResponse {
        text: "Generated text response".into(),
        reasoning: None,
        status: SuccessStatus::Success,
        finish_reason: FinishReason::Stop,
        usage: USAGE,
        timings: TIMINGS,
    };
    let published = json!({"text": "Generated text response", "status": "success"});
    assert!(contains(&to_value(response).unwrap(), &published));
}

#[test]
fn chat_response() {
    let response = ChatResponse {
        choices: vec![Choice {
            message: Message::assistant("Generated response"),
            finish_reason: FinishReason::Stop,
        }],
        usage: USAGE,
        timings: TIMINGS,
    };
    let published = json!({
        "choices": [{"message": {"role": "assistant", "content": "Generated response"}}],
    });
    assert!(contains(&to_value(response).unwrap(), &published));
}

#[test]
fn stream_events() {
    let chunk = json!({"content": "chunk1"});
    let event: StreamEvent = from_value(chunk.clone()).unwrap();
    assert_eq!(event, StreamEvent::Delta(Delta { content: "chunk1".into(), ..Delta::default() }));
    assert_eq!(to_value(event).unwrap(), chunk);

    let done = json!({"content": "[DONE]"});
    let event: StreamEvent = from_value(done.clone()).unwrap();
    assert_eq!(event, StreamEvent::Done);
    assert_eq!(to_value(event).unwrap(), done);
}
