//! Models in the admin API's words.

use std::time::{SystemTime, UNIX_EPOCH};

use rkllm_api::{Abilities, Model, ModelState, Queue};

use crate::registry::{self, ModelInfo};

/// A model for which there are so many requests.
pub(super) fn model(model: ModelInfo, requests: usize) -> Model {
    let ready = matches!(model.state, registry::ModelState::Ready { .. });
    Model {
        queue: queue(requests, ready),
        name: model.name,
        aliases: model.aliases,
        format: model.format.to_owned(),
        size_bytes: model.size_bytes,
        digest: model.digest,
        context: model.context,
        abilities: Abilities {
            completion: model.abilities.completion,
            tools: model.abilities.tools,
            thinking: model.abilities.thinking,
            insert: model.abilities.insert,
            embedding: model.abilities.embedding,
        },
        limits: model.limits,
        state: state(model.state),
    }
}

fn state(state: registry::ModelState) -> ModelState {
    match state {
        registry::ModelState::Unloaded => ModelState::Unloaded,
        registry::ModelState::Loading { since, deadline } => {
            ModelState::Loading { since: seconds(since), deadline: deadline.map(seconds) }
        }
        registry::ModelState::Ready { expires, memory, runtime } => {
            ModelState::Ready { expires: expires.map(seconds), memory_bytes: memory, runtime }
        }
        registry::ModelState::Failed { reason } => ModelState::Failed { reason },
    }
}

/// The first request of a model that is in memory runs; the others wait.
pub(super) fn queue(requests: usize, ready: bool) -> Queue {
    let requests = u32::try_from(requests).unwrap_or(u32::MAX);
    let running = if ready { requests.min(1) } else { 0 };
    Queue { running, waiting: requests - running }
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_request_runs_and_none_while_the_model_is_on_its_way() {
        assert_eq!(queue(0, true), Queue { running: 0, waiting: 0 });
        assert_eq!(queue(3, true), Queue { running: 1, waiting: 2 });
        assert_eq!(queue(3, false), Queue { running: 0, waiting: 3 });
    }

    #[test]
    fn times_are_seconds_since_1970() {
        let expires = Some(UNIX_EPOCH + Duration::from_millis(1500));
        let ready = |expires| registry::ModelState::Ready {
            expires,
            memory: 7,
            runtime: "1.2.3".to_owned(),
        };
        let told = |expires, runtime: &str| ModelState::Ready {
            expires,
            memory_bytes: 7,
            runtime: runtime.to_owned(),
        };
        assert_eq!(state(ready(expires)), told(Some(1.5), "1.2.3"));
        assert_eq!(state(ready(None)), told(None, "1.2.3"));
    }
}
