//! What is different after a rescan.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::entry::{Broken, ModelEntry};

/// What a running server has to react to. Names are those of [`ModelEntry::name`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diff {
    /// Models that were not there.
    pub(crate) added: Vec<String>,
    /// Models that are there no more, or cannot be used any more.
    pub(crate) removed: Vec<String>,
    /// Models of which a file, a setting or a name has changed.
    pub(crate) changed: Vec<String>,
    /// What cannot be used and was not there, or could be used, or had another reason.
    pub(crate) broken: Vec<Broken>,
}

impl Diff {
    /// Whether nothing is different.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn between(
        old: (&[Arc<ModelEntry>], &[Broken]),
        new: (&[Arc<ModelEntry>], &[Broken]),
    ) -> Self {
        let by_key = |all: &[Arc<ModelEntry>]| -> HashMap<_, _> {
            all.iter().map(|entry| (entry.key.clone(), entry.clone())).collect()
        };
        let (before, after) = (by_key(old.0), by_key(new.0));
        let known: HashSet<&Broken> = old.1.iter().collect();
        let name = |entry: &Arc<ModelEntry>| entry.name.clone();
        let has_changed = |entry: &&Arc<ModelEntry>| {
            before.get(&entry.key).is_some_and(|before| !before.same(entry))
        };
        Self {
            added: new.0.iter().filter(|e| !before.contains_key(&e.key)).map(name).collect(),
            removed: old.0.iter().filter(|e| !after.contains_key(&e.key)).map(name).collect(),
            changed: new.0.iter().filter(has_changed).map(name).collect(),
            broken: new.1.iter().filter(|broken| !known.contains(broken)).cloned().collect(),
        }
    }
}
