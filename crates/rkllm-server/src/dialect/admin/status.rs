//! `GET /admin/status`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use rkllm_api::ServerStatus;

use super::encode;
use crate::app::State;
use crate::metrics;
use crate::registry::{ModelInfo, ModelState};

pub(super) async fn status(state: Data<State>) -> HttpResponse {
    let models = state.registry.models().await;
    let reason = state.registry.readiness().error().map(|error| error.message);
    let mut status = ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: state.started.elapsed().as_secs_f64(),
        ready: reason.is_none(),
        reason,
        models: u32::try_from(models.len()).unwrap_or(u32::MAX),
        loaded: 0,
        memory_bytes: 0,
        running: 0,
        waiting: 0,
        totals: metrics::totals(),
    };
    for model in models {
        add(&mut status, &model, state.registry.requests(&model.name));
    }
    HttpResponse::Ok().json(status)
}

/// Counts a model for which there are so many requests.
fn add(status: &mut ServerStatus, model: &ModelInfo, requests: usize) {
    let ready = match model.state {
        ModelState::Ready { memory, .. } => {
            status.loaded += 1;
            status.memory_bytes += memory;
            true
        }
        _ => false,
    };
    let queue = encode::queue(requests, ready);
    status.running += queue.running;
    status.waiting += queue.waiting;
}
