//! `GET /health`.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::HttpResponse;
use actix_web::web::Data;
use rkllm_api::Health;

use crate::app::State;
use crate::error::Code;
use crate::registry::Readiness;

/// Whether requests are answered, also those that wait for the model to be loaded.
pub(super) async fn health(state: Data<State>) -> HttpResponse {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    respond(&state.registry.readiness(), state.registry.is_loaded(), now.as_secs_f64())
}

fn respond(readiness: &Readiness, model_loaded: bool, timestamp: f64) -> HttpResponse {
    let reason = readiness.fault();
    let (status, mut response) = match reason {
        None => (Health::HEALTHY, HttpResponse::Ok()),
        // Whatever is wrong: the code of the answer is one for all.
        Some(_) => (Health::UNHEALTHY, HttpResponse::build(Code::ModelFailed.status())),
    };
    response.json(Health { status: status.to_owned(), model_loaded, timestamp, reason })
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    async fn told(readiness: &Readiness) -> String {
        let response = respond(readiness, false, 1.5);
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        format!("{status} {}", std::str::from_utf8(&body).unwrap())
    }

    #[actix_web::test]
    async fn a_server_that_loads_is_healthy_and_one_that_cannot_answer_is_not() {
        let failed = Readiness::Failed { reason: "it is cut".into() };
        let all = [Readiness::Ready, Readiness::Loading, failed, Readiness::Closing];
        let mut lines = Vec::new();
        for readiness in &all {
            lines.push(told(readiness).await);
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        200 {"status":"healthy","model_loaded":false,"timestamp":1.5}
        200 {"status":"healthy","model_loaded":false,"timestamp":1.5}
        503 {"status":"unhealthy","model_loaded":false,"timestamp":1.5,"reason":"the model has failed: it is cut"}
        503 {"status":"unhealthy","model_loaded":false,"timestamp":1.5,"reason":"the server is shutting down"}
        "#);
    }
}
