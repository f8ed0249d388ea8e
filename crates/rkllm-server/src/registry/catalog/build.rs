//! From what was found to models with names of their own.

use std::collections::HashMap;
use std::sync::Arc;

use super::entry::{Broken, ModelEntry};
use super::name::ModelName;
use super::resolve::Names;
use super::scan::{Derived, Found};

/// Models, each with a name of its own, and what cannot be used; both by name.
pub(super) fn build(found: Found) -> (Vec<Arc<ModelEntry>>, Vec<Broken>) {
    let Found { mut entries, mut broken, derived } = found;
    add_endings(&mut entries);
    let mut entries = unique(entries, &mut broken);
    derive(&mut entries, &mut broken, derived);
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    broken.sort_by(|a, b| (&a.name, &a.reason).cmp(&(&b.name, &b.reason)));
    (entries, broken)
}

/// Files that share their name with another model keep their ending: `m.gguf` beside `m.rkllm`.
fn add_endings(entries: &mut [ModelEntry]) {
    let mut count: HashMap<ModelName, usize> = HashMap::new();
    for entry in entries.iter() {
        *count.entry(entry.key.clone()).or_default() += 1;
    }
    let shared = |entry: &&mut ModelEntry| count.get(&entry.key).is_some_and(|count| *count > 1);
    for entry in entries.iter_mut().filter(shared).filter(|entry| entry.folder.is_none()) {
        let name = format!("{}.{}", entry.name, entry.format.name());
        // A little longer than the longest name there can be: it stays shared, which is said.
        if let Ok(key) = ModelName::parse(&name) {
            (entry.name, entry.key) = (name, key);
        }
    }
}

fn unique(entries: Vec<ModelEntry>, broken: &mut Vec<Broken>) -> Vec<Arc<ModelEntry>> {
    let mut taken: HashMap<ModelName, String> = HashMap::new();
    let mut unique = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(other) = taken.get(&entry.key) {
            broken.push(taken_by(entry.name, other));
            continue;
        }
        taken.insert(entry.key.clone(), entry.name.clone());
        unique.push(Arc::new(entry));
    }
    unique
}

fn taken_by(name: String, other: &str) -> Broken {
    let reason = format!("its name is taken by {other}; case makes no difference; rename one");
    Broken { name, reason }
}

/// Models that are others with settings of their own. Those may be derived themselves, so it goes
/// on as long as one more is found.
fn derive(entries: &mut Vec<Arc<ModelEntry>>, broken: &mut Vec<Broken>, waiting: Vec<Derived>) {
    let mut waiting = waiting;
    loop {
        let before = waiting.len();
        let mut failed = Vec::new();
        for derived in waiting {
            if let Some(other) = entries.iter().find(|other| other.key == derived.key) {
                broken.push(taken_by(derived.name, &other.name));
                continue;
            }
            match (Names { entries, broken }).resolve(&derived.from) {
                Ok(base) => {
                    let entry = with_settings(base, derived);
                    entries.push(Arc::new(entry));
                }
                Err(error) => failed.push((derived, error)),
            }
        }
        if failed.len() == before || failed.is_empty() {
            broken.extend(failed.into_iter().map(|(derived, error)| Broken {
                name: derived.name,
                reason: format!("Modelfile: FROM: {error}"),
            }));
            return;
        }
        waiting = failed.into_iter().map(|(derived, _)| derived).collect();
    }
}

fn with_settings(base: &ModelEntry, derived: Derived) -> ModelEntry {
    let Derived { name, key, described, .. } = derived;
    ModelEntry {
        digest: super::digest::digest(&name, &base.file, &base.id),
        name,
        key,
        aliases: described.aliases,
        settings: described.settings.over(&base.settings),
        ignored: described.ignored,
        origin: described.origin.or_else(|| base.origin.clone()),
        ..base.clone()
    }
}
