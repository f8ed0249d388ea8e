//! `/health` and `/generate` on the real model.

use futures_util::TryStreamExt;
use rkllm_client::api::{FinishReason, Format, GenerateRequest, Stop};
use serde_json::json;

use crate::server::{Server, shared};

/// A request whose answer is the same each time.
pub(crate) fn greedy(prompt: &str, max_new_tokens: i64) -> GenerateRequest {
    GenerateRequest {
        prompt: prompt.into(),
        temperature: Some(0.0),
        max_new_tokens: Some(max_new_tokens),
        ..GenerateRequest::default()
    }
}

const CAPITAL: &str = "What is the capital of France?";

/// A server of the test's own that has this prompt in its cache. Its answers can be compared letter by
/// letter: after another prompt the same tokens are evaluated in other portions, and the last bits of
/// the sums, which differ then, may decide between two words.
async fn prepared(request: &GenerateRequest) -> Server {
    let server = Server::start(&[], &[]);
    let once = GenerateRequest { max_new_tokens: Some(1), ..request.clone() };
    server.client().generate(&once).await.unwrap();
    server
}

#[tokio::test]
async fn health_is_as_the_seed_has_it() {
    let health = shared().client().health().await.unwrap();
    assert_eq!(health.status, "healthy");
    assert!(health.model_loaded);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!((now.as_secs_f64() - health.timestamp).abs() < 60.0, "{}", health.timestamp);
}

#[tokio::test]
async fn health_can_be_asked_for_without_a_body() {
    let url = format!("{}/health", shared().url());
    let response = reqwest::Client::new().head(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_capital_of_france_is_paris() {
    let answer = shared().client().generate(&greedy(CAPITAL, 32)).await.unwrap();
    assert!(answer.text.contains("Paris"), "{}", answer.text);
    assert!(answer.usage.prompt_tokens > 10, "template and question: {:?}", answer.usage);
    assert_eq!(
        answer.usage.total_tokens,
        answer.usage.prompt_tokens + answer.usage.completion_tokens
    );
    assert!(answer.timings.tokens_per_second > 0.0);
}

#[tokio::test]
async fn a_stream_is_the_same_answer_in_pieces() {
    let server = prepared(&greedy(CAPITAL, 24)).await;
    let client = server.client();
    let whole = client.generate(&greedy(CAPITAL, 24)).await.unwrap();
    let stream = client.generate_stream(&greedy(CAPITAL, 24)).await.unwrap();
    let deltas: Vec<_> = stream.try_collect().await.unwrap();
    let text: String = deltas.iter().map(|delta| delta.content.as_str()).collect();
    assert_eq!(text, whole.text);
    assert!(deltas.len() > 3, "piece by piece, not all at once: {}", deltas.len());
    let finish = deltas.last().unwrap().finish.expect("the last delta has the facts");
    assert_eq!(finish.finish_reason, whole.finish_reason);
    assert_eq!(finish.usage.completion_tokens, whole.usage.completion_tokens);
}

#[tokio::test]
async fn max_new_tokens_is_exact_and_reported_as_length() {
    let answer = shared().client().generate(&greedy("Tell me a long story.", 7)).await.unwrap();
    assert_eq!(answer.usage.completion_tokens, 7);
    assert_eq!(answer.finish_reason, FinishReason::Length);
}

#[tokio::test]
async fn stop_strings_end_the_answer_and_are_not_part_of_it() {
    let server = prepared(&greedy(CAPITAL, 32)).await;
    let client = server.client();
    let free = client.generate(&greedy(CAPITAL, 32)).await.unwrap();
    // In the middle of a word, so that no token border helps.
    let at = free.text.find("aris").unwrap();
    let request = GenerateRequest {
        stop: Some(Stop::Many(vec!["never said".into(), "aris".into()])),
        ..greedy(CAPITAL, 32)
    };
    let stopped = client.generate(&request).await.unwrap();
    assert_eq!(stopped.text, free.text[..at]);
    assert_eq!(stopped.finish_reason, FinishReason::Stop);
    let stream = client.generate_stream(&request).await.unwrap();
    let deltas: Vec<_> = stream.try_collect().await.unwrap();
    let streamed: String = deltas.iter().map(|delta| delta.content.as_str()).collect();
    assert_eq!(streamed, stopped.text);
}

#[tokio::test]
async fn a_seed_makes_sampling_repeatable() {
    let request = |seed| GenerateRequest {
        temperature: Some(1.5),
        top_k: Some(0),
        top_p: Some(1.0),
        seed: Some(seed),
        ..greedy("Make up a name for a dragon.", 24)
    };
    let server = prepared(&request(0)).await;
    let client = server.client();
    let first = client.generate(&request(1)).await.unwrap().text;
    assert_eq!(client.generate(&request(1)).await.unwrap().text, first);
    assert_ne!(client.generate(&request(2)).await.unwrap().text, first);
    // -1 and the largest number are seeds like any other.
    let negative = client.generate(&request(-1)).await.unwrap().text;
    assert_eq!(client.generate(&request(-1)).await.unwrap().text, negative);
    let large = client.generate(&request(i64::from(u32::MAX))).await.unwrap().text;
    assert_eq!(client.generate(&request(i64::from(u32::MAX))).await.unwrap().text, large);
}

#[tokio::test]
async fn characters_of_several_tokens_arrive_whole() {
    const SAID: &str = "🙂🦀日本語🙂🦀日本語";
    // Whatever the model would say by itself.
    let format: Format = serde_json::from_value(json!({"enum": [SAID]})).unwrap();
    let request = GenerateRequest { format: Some(format), ..greedy("Say something.", 100) };
    let stream = shared().client().generate_stream(&request).await.unwrap();
    let deltas: Vec<_> = stream.try_collect().await.unwrap();
    assert!(deltas.len() > 3, "piece by piece: {deltas:?}");
    let text: String = deltas.iter().map(|delta| delta.content.as_str()).collect();
    assert_eq!(text, format!("\"{SAID}\""));
}

#[tokio::test]
async fn unknown_fields_are_listed() {
    let server = shared();
    let body = r#"{"prompt": "Hi", "max_tokens": 1, "mood": "good", "n": 2}"#;
    let response = reqwest::Client::new()
        .post(format!("{}/generate", server.url()))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-rkllm-ignored"], "mood, n");
}
