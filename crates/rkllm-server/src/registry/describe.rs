//! What the server says of a model.

use std::time::SystemTime;

use tokio::time::Instant;

use super::catalog::{Broken, ModelEntry};
use super::shelf::Loaded;
use super::spec::Defaults;
use super::{Abilities, ModelInfo, ModelState};
use crate::generate::Tuning;
use crate::platform;
use crate::worker::Status;

/// Tokens of prompt and answer together where nobody says anything else.
const USUAL_CONTEXT: u32 = 4096;

/// A model as it is on disk and, if it is, in memory.
pub(super) fn describe(
    entry: &ModelEntry,
    loaded: Option<&Loaded>,
    defaults: &Defaults,
) -> ModelInfo {
    let on_disk = entry.facts().cloned().unwrap_or_default();
    let status = loaded.map(|loaded| loaded.worker.status());
    let in_memory = match &status {
        Some(Status::Ready(facts)) => Some(facts),
        _ => None,
    };
    let settings = &entry.settings;
    let trained = on_disk.context_length.and_then(|length| u32::try_from(length).ok());
    let planned = settings.context_length.or(defaults.context).unwrap_or(USUAL_CONTEXT);
    let planned = trained.map_or(planned, |trained| planned.min(trained));
    let (abilities, own_template) = match in_memory {
        Some(facts) => (facts.abilities, facts.template.clone()),
        None => foreseen(entry),
    };
    let state = match (&status, loaded) {
        (&Some(Status::Loading { since, deadline }), _) => ModelState::Loading { since, deadline },
        (Some(Status::Failed { reason, .. }), _) => ModelState::Failed { reason: reason.clone() },
        (Some(Status::Ready(facts)), Some(loaded)) => ModelState::Ready {
            expires: loaded.expires().map(wall),
            memory: loaded.worker.activity().process.map_or(0, platform::memory_of),
            runtime: facts.runtime.clone(),
        },
        _ => match entry.facts() {
            Err(error) => ModelState::Failed { reason: error.to_string() },
            Ok(_) => ModelState::Unloaded,
        },
    };
    ModelInfo {
        name: entry.name.clone(),
        aliases: entry.aliases.clone(),
        format: entry.format.name(),
        size_bytes: entry.size_bytes,
        modified: entry.modified,
        digest: entry.digest.clone(),
        architecture: on_disk.architecture.unwrap_or_default(),
        parameter_size: on_disk.parameter_size.unwrap_or_default(),
        quantization: on_disk.quantization.unwrap_or_default(),
        context: in_memory.map_or(planned, |facts| facts.context),
        embedding_length: on_disk.embedding_length,
        abilities,
        limits: in_memory.map(|facts| facts.limits.clone()),
        template: own_template.or(settings.template.clone()),
        system: settings.system.clone(),
        defaults: settings.sampling.clone().over(defaults.sampling.clone()),
        state,
    }
}

/// What a model that is not in memory can be asked for, and its template. Whether it can fill gaps
/// only its vocabulary tells, which is not read here.
fn foreseen(entry: &ModelEntry) -> (Abilities, Option<String>) {
    let foreseen = &entry.foreseen;
    let abilities = Abilities {
        completion: true,
        tools: foreseen.tools,
        thinking: foreseen.thinking,
        insert: false,
        embedding: true,
    };
    (abilities, foreseen.template.clone())
}

/// What looks like a model and cannot be used.
pub(super) fn broken(broken: &Broken) -> ModelInfo {
    ModelInfo {
        name: broken.name.clone(),
        aliases: Vec::new(),
        format: "unknown",
        size_bytes: 0,
        modified: SystemTime::UNIX_EPOCH,
        digest: String::new(),
        architecture: String::new(),
        parameter_size: String::new(),
        quantization: String::new(),
        context: 0,
        embedding_length: None,
        abilities: Abilities::default(),
        limits: None,
        template: None,
        system: None,
        defaults: Tuning::default(),
        state: ModelState::Failed { reason: broken.reason.clone() },
    }
}

/// The time of day of an instant.
fn wall(instant: Instant) -> SystemTime {
    SystemTime::now() + instant.saturating_duration_since(Instant::now())
}
