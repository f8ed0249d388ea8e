//! The native API and the probes.

use rkllm_api::{ChatRequest, ChatResponse, ErrorBody, GenerateRequest, GenerateResponse, Health};
use utoipa::ToSchema;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{RefOr, Required};

use super::operation::Operation;
use crate::error::Code;
use crate::http::Probe;

/// The name and the schema of a type.
pub(super) type Named = (String, RefOr<Schema>);

/// What a generation can fail with before it has begun, and while nothing of it was sent.
pub(super) const GENERATION: [Code; 13] = [
    Code::ContextLengthExceeded,
    Code::Unsupported,
    Code::ModelNotFound,
    Code::InvalidOutput,
    Code::InferenceFailed,
    Code::RuntimeCrashed,
    Code::StorageFailed,
    Code::Busy,
    Code::QueueTimeout,
    Code::ModelFailed,
    Code::ShuttingDown,
    Code::RuntimeHung,
    Code::InvalidRequest,
];

pub(super) fn operations() -> Vec<Operation> {
    let down = "The model has failed, or the server is going down.";
    vec![
        Operation::get("/health", "health")
            .does("health", "Whether requests are answered, if need be once the model is loaded.")
            .open()
            .answers("They are.", "Health")
            .instead(Code::ModelFailed, down, "Health"),
        Operation::get("/livez", "livez")
            .does("health", "Whether the process answers.")
            .open()
            .answers("It does.", "Probe"),
        Operation::get("/readyz", "readyz")
            .does("health", "Whether requests are taken and begin at once.")
            .open()
            .answers("They are.", "Probe")
            .fails(&[Code::Busy, Code::ModelFailed, Code::ShuttingDown]),
        Operation::post("/generate", "generate")
            .does("native", "Answers one message.")
            .guarded("ErrorBody")
            .takes("GenerateRequest", Required::True)
            .answers("The answer.", "GenerateResponse")
            .streams()
            .fails(&GENERATION),
        Operation::post("/chat", "chat")
            .does("native", "Answers the last message of a conversation.")
            .guarded("ErrorBody")
            .takes("ChatRequest", Required::True)
            .answers("The answer.", "ChatResponse")
            .streams()
            .fails(&GENERATION),
    ]
}

pub(super) fn schemas() -> Vec<Named> {
    let mut all = Vec::new();
    add::<Health>(&mut all);
    add::<Probe>(&mut all);
    add::<GenerateRequest>(&mut all);
    add::<GenerateResponse>(&mut all);
    add::<ChatRequest>(&mut all);
    add::<ChatResponse>(&mut all);
    add::<ErrorBody>(&mut all);
    all
}

/// Adds a type, and those that it is made of.
pub(super) fn add<T: ToSchema>(all: &mut Vec<Named>) {
    all.push((T::name().into_owned(), T::schema()));
    T::schemas(all);
}
