//! The OpenAI API. Its types read more than their schemas tell, so the schemas are written by hand.

use serde_json::{Map, Value};
use utoipa::openapi::Required;

use super::native::GENERATION;
use super::operation::Operation;
use crate::error::Code;

const SCHEMAS: &str = include_str!("openai.json");

pub(super) fn operations() -> Vec<Operation> {
    let get =
        |path, id, summary| Operation::get(path, id).does("openai", summary).guarded("OpenAiError");
    let post = |path, id, summary, schema| {
        let operation = Operation::post(path, id).does("openai", summary);
        operation.guarded("OpenAiError").takes(schema, Required::True).fails(&GENERATION)
    };
    vec![
        post(
            "/v1/chat/completions",
            "chatCompletions",
            "Answers a conversation.",
            "ChatCompletionRequest",
        )
        .answers("The answers.", "ChatCompletion")
        .streams(),
        post("/v1/completions", "completions", "Continues texts.", "CompletionRequest")
            .answers("The continuations.", "Completion")
            .streams(),
        post(
            "/v1/responses",
            "createResponse",
            "Answers items of a conversation.",
            "ResponseRequest",
        )
        .answers("The answer.", "Response")
        .streams()
        .fails(&[Code::NotFound]),
        get("/v1/responses/{response_id}", "response", "An answer that is kept.")
            .answers("The answer.", "Response")
            .fails(&[Code::NotFound]),
        Operation::delete("/v1/responses/{response_id}", "deleteResponse")
            .does("openai", "Keeps an answer no longer.")
            .guarded("OpenAiError")
            .answers("It is gone.", "DeletedResponse")
            .fails(&[Code::NotFound]),
        post("/v1/embeddings", "embeddings", "Turns texts into vectors.", "EmbeddingRequest")
            .answers("The vectors.", "EmbeddingList"),
        post("/v1/rerank", "rerank", "Puts documents into order of relevance.", "RerankRequest")
            .answers("The documents, the best first.", "Ranking"),
        post("/tokenize", "tokenize", "Turns a text into tokens.", "TokenizeRequest")
            .answers("The tokens.", "Tokens"),
        post("/detokenize", "detokenize", "Turns tokens into a text.", "DetokenizeRequest")
            .answers("The text.", "TokenText"),
        get("/v1/models", "openaiModels", "All models.").answers("The models.", "OpenAiModelList"),
        get("/v1/models/{id}", "openaiModel", "One model.")
            .answers("The model.", "OpenAiModel")
            .fails(&[Code::InvalidRequest, Code::ModelNotFound, Code::ModelFailed]),
    ]
}

pub(super) fn schemas() -> Map<String, Value> {
    serde_json::from_str(SCHEMAS).expect("the file of schemas is a JSON object")
}
