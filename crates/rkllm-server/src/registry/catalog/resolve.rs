//! Which model a name means.

use std::cmp::Ordering;
use std::sync::Arc;

use super::entry::{Broken, Format, ModelEntry};
use super::error::CatalogError;
use super::name::ModelName;
use super::words::{meaning, words};

/// Most names that an error proposes.
const MAX_NEAREST: usize = 3;
/// How alike names must be to be proposed; 1 is the same.
const ALIKE: f64 = 0.75;

/// Words for models that were tuned to answer, which clients leave out: plain names mean those.
const TUNED: [&str; 3] = ["instruct", "chat", "it"];

/// What is known of a model, as words that names can have.
type Facts = fn(&ModelEntry) -> Vec<String>;

/// What names can mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub(super) entries: &'a [Arc<ModelEntry>],
    pub(super) broken: &'a [Broken],
}

impl<'a> Names<'a> {
    /// The model that a name means. What says more wins: the name itself, an alias, the name with
    /// the ending of its file, a name whose words are all in the model's, at last such a name without
    /// the word for a model that answers.
    pub(super) fn resolve(self, name: &str) -> Result<&'a Arc<ModelEntry>, CatalogError> {
        self.find(name, &[&[], &TUNED])
    }

    /// The same, but a word is left out only if it says what is true of the model: for whatever is
    /// not to happen to another model than the one that is meant.
    pub(super) fn resolve_strictly(self, name: &str) -> Result<&'a Arc<ModelEntry>, CatalogError> {
        self.find(name, &[&[]])
    }

    /// The model of a name that may leave out the `silent` words of a step.
    fn find(self, name: &str, silent: &[&[&str]]) -> Result<&'a Arc<ModelEntry>, CatalogError> {
        let key = ModelName::parse(name)?;
        let stripped = key.without_ending();
        let steps: [&dyn Fn(&ModelEntry) -> bool; 3] =
            [&|entry| entry.key == key, &|entry| has_alias(entry, &key), &|entry| {
                stripped.as_ref().is_some_and(|(key, format)| {
                    entry.format == *format && (entry.key == *key || has_alias(entry, key))
                })
            }];
        for step in steps {
            let found: Vec<_> = self.entries.iter().filter(|entry| step(entry)).collect();
            if let Some(entry) = one(name, &found)? {
                return Ok(entry);
            }
        }
        self.check_broken(name, &key)?;
        // Headers are read only if names alone do not tell.
        let all: [Facts; 2] = [named, known];
        for (silent, facts) in silent.iter().flat_map(|silent| all.map(|facts| (silent, facts))) {
            let means = |entry: &&Arc<ModelEntry>| {
                in_words(entry, &key, stripped.as_ref(), (facts, silent))
            };
            let found: Vec<_> = self.entries.iter().filter(means).collect();
            if let Some(entry) = one(name, &found)? {
                return Ok(entry);
            }
        }
        Err(self.unknown(name))
    }

    fn check_broken(self, name: &str, key: &ModelName) -> Result<(), CatalogError> {
        let is_it = |broken: &&Broken| {
            ModelName::parse(&broken.name).is_ok_and(|other| {
                other == *key || key.without_ending().is_some_and(|(key, _)| key == other)
            })
        };
        match self.broken.iter().find(is_it) {
            Some(Broken { reason, .. }) => {
                Err(CatalogError::Unusable { name: name.to_owned(), reason: reason.clone() })
            }
            None => Ok(()),
        }
    }

    fn unknown(self, name: &str) -> CatalogError {
        let lower = name.to_lowercase();
        let names = self.entries.iter().flat_map(|entry| entry.aliases.iter().chain([&entry.name]));
        // Another size, or where a model comes from left out, makes a name no less alike.
        let likeness = |other: &str| {
            let last = other.rsplit('/').next().unwrap_or(other);
            let plainly = strsim::jaro_winkler(&plain(&lower), &plain(last));
            let whole = strsim::jaro_winkler(&lower, other);
            whole.max(strsim::jaro_winkler(&lower, last)).max(0.95 * plainly)
        };
        let mut near: Vec<_> = names
            .map(|other| (likeness(&other.to_lowercase()), other))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .collect();
        near.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal).then(a.1.cmp(b.1)));
        let nearest = near.into_iter().take(MAX_NEAREST).map(|(_, other)| other.clone()).collect();
        CatalogError::Unknown { name: name.to_owned(), nearest }
    }
}

fn one<'a>(
    name: &str,
    found: &[&'a Arc<ModelEntry>],
) -> Result<Option<&'a Arc<ModelEntry>>, CatalogError> {
    match found {
        [] => Ok(None),
        [entry] => Ok(Some(entry)),
        several => Err(CatalogError::Ambiguous {
            name: name.to_owned(),
            candidates: several.iter().map(|entry| entry.name.clone()).collect(),
        }),
    }
}

/// A name without the words for size, quantization and platform.
fn plain(name: &str) -> String {
    words(name).into_iter().filter(|word| meaning(word).is_none()).collect::<Vec<_>>().join("-")
}

fn has_alias(entry: &ModelEntry, key: &ModelName) -> bool {
    entry.aliases.iter().any(|alias| ModelName::parse(alias).is_ok_and(|alias| alias == *key))
}

/// Whether a name has the words of a model's name, except that either may leave out words for size,
/// quantization and platform that are true of the model, and the name the `silent` ones.
fn in_words(
    entry: &ModelEntry,
    key: &ModelName,
    stripped: Option<&(ModelName, Format)>,
    allowed: (Facts, &[&str]),
) -> bool {
    let (facts, silent) = allowed;
    let key = match stripped {
        Some((key, format)) if *format == entry.format => key,
        Some(_) => return false,
        None => key,
    };
    if entry.key.space() != key.space() {
        return false;
    }
    let without = |words: Vec<String>, facts: &[String]| -> Vec<String> {
        words.into_iter().filter(|word| !facts.contains(word)).collect()
    };
    let mut own = without(entry.key.words(), &named(entry));
    own.retain(|word| !silent.contains(&word.as_str()));
    let asked = key.words();
    let rest = without(asked.clone(), &named(entry));
    if !rest.starts_with(&own) || rest[own.len()..].iter().any(|word| meaning(word).is_none()) {
        return false;
    }
    without(asked, &facts(entry)) == own
}

/// What the model's name says.
fn named(entry: &ModelEntry) -> Vec<String> {
    let named = &entry.named;
    let facts = [&named.parameter_size, &named.quantization, &named.platform];
    facts.into_iter().flatten().map(|fact| fact.to_lowercase()).collect()
}

/// What its header says besides.
fn known(entry: &ModelEntry) -> Vec<String> {
    let mut all = named(entry);
    if let Ok(facts) = entry.facts() {
        let read = [&facts.parameter_size, &facts.quantization];
        all.extend(read.into_iter().flatten().map(|fact| fact.to_lowercase()));
    }
    all
}
