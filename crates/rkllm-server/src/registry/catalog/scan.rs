//! From files to models.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::described::Described;
use super::digest::digest;
use super::entry::{Broken, ModelEntry};
use super::error::CatalogError;
use super::facts::Facts;
use super::file_id::FileId;
use super::known::Known;
use super::listing::{Item, list};
use super::model_file::{ModelFile, models};
use super::name::ModelName;
use super::words::NameFacts;
use super::{model_toml, modelfile_settings};

/// Most folders below one another: `host/space/model`.
const MAX_DEPTH: usize = 3;
/// Most files and folders in all.
const MAX_ITEMS: usize = 100_000;

/// Files that say how a model's text becomes tokens and back.
const TOKENIZER_FILES: [&str; 10] = [
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
];

/// Endings of files that are still being downloaded.
const UNFINISHED: [&str; 4] = [".part", ".partial", ".incomplete", ".crdownload"];

/// What a models folder holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the order of their paths. Two may have the same name.
    pub(super) entries: Vec<ModelEntry>,
    pub(super) broken: Vec<Broken>,
    pub(super) derived: Vec<Derived>,
}

/// A `Modelfile` that names another model.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) name: String,
    pub(super) key: ModelName,
    pub(super) from: String,
    pub(super) described: Described,
}

/// Looks at everything in a models folder, but not again into files that are known.
pub(super) fn scan(root: &Path, known: Known<'_>) -> Result<Found, CatalogError> {
    let failed = |error: std::io::Error| CatalogError::Folder {
        path: root.to_owned(),
        problem: error.to_string(),
    };
    let metadata = root.metadata().map_err(failed)?;
    let place = Place {
        path: root.to_owned(),
        name: String::new(),
        above: vec![(metadata.dev(), metadata.ino())],
    };
    let mut scanner = Scanner { found: Found::default(), budget: MAX_ITEMS, known };
    let (items, broken) = list(root, "", &mut scanner.budget).map_err(failed)?;
    scanner.found.broken.extend(broken);
    scanner.root(&place, items);
    Ok(scanner.found)
}

/// The model in a file. Settings and tokenizer files beside it are its own if it is the only model
/// there.
pub(super) fn file(path: &Path) -> Result<ModelEntry, CatalogError> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let damaged = |problem| CatalogError::Model { file: file.clone(), problem };
    let model = ModelFile::at(path).map_err(damaged)?;
    let name = ModelName::possible(&model.stem);
    let beside = beside_file(path)?.unwrap_or_default();
    let known = Known::default();
    let mut scanner = Scanner { found: Found::default(), budget: MAX_ITEMS, known };
    scanner.add(name, model, beside);
    let Found { mut entries, mut broken, .. } = scanner.found;
    match (entries.pop(), broken.pop()) {
        (Some(entry), _) => Ok(entry),
        (None, broken) => Err(damaged(broken.map(|broken| broken.reason).unwrap_or_default())),
    }
}

/// What stands beside a model file that is the only one in its folder.
fn beside_file(path: &Path) -> Result<Option<Beside>, CatalogError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    // A folder that cannot be listed has nothing to say.
    let Ok((items, _)) = list(&folder, "", &mut MAX_ITEMS.clone()) else {
        return Ok(None);
    };
    let files: Vec<_> = items.into_iter().filter(|item| item.metadata.is_file()).collect();
    if models(&files, None).len() > 1 {
        return Ok(None);
    }
    let place = Place { path: folder, name: String::new(), above: Vec::new() };
    let has = |name: &str| files.iter().any(|file| file.name == name);
    let described = match (has(model_toml::FILE), has(modelfile_settings::FILE)) {
        (true, _) => model_toml::read(&place.path)?,
        (false, true) => modelfile_settings::read(&place.path)?,
        (false, false) => Described::default(),
    };
    Ok(Some(Beside { described, ..Beside::of(&place, &files) }))
}

/// A folder on the way.
struct Place {
    path: PathBuf,
    /// Its path from the models folder, which is the name of the model in it.
    name: String,
    /// Device and inode of it and all folders above it.
    above: Vec<(u64, u64)>,
}

struct Scanner<'a> {
    found: Found,
    /// How many files and folders may still be looked at.
    budget: usize,
    known: Known<'a>,
}

impl Scanner<'_> {
    fn broken(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.found.broken.push(Broken { name: name.into(), reason: reason.into() });
    }

    fn root(&mut self, place: &Place, items: Vec<Item>) {
        let (folders, files): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.metadata.is_dir());
        for file in &files {
            if [model_toml::FILE, modelfile_settings::FILE].contains(&file.name.as_str()) {
                self.broken(
                    &file.name,
                    "it describes no model here; move it into the folder of its model",
                );
            }
        }
        for (name, model) in models(&files, None) {
            match model {
                Ok(model) => self.add(model.stem.clone(), model, Beside::default()),
                Err(reason) => self.broken(name, reason),
            }
        }
        self.folders(place, folders);
    }

    fn folders(&mut self, place: &Place, folders: Vec<Item>) {
        if place.above.len() > MAX_DEPTH {
            return;
        }
        for folder in folders {
            let id = (folder.metadata.dev(), folder.metadata.ino());
            let slash = if place.name.is_empty() { "" } else { "/" };
            let name = format!("{}{slash}{}", place.name, folder.name);
            if place.above.contains(&id) {
                self.broken(name, "it is a link to a folder above it");
                continue;
            }
            let above = place.above.iter().copied().chain([id]).collect();
            self.folder(&Place { path: folder.path, name, above });
        }
    }

    fn folder(&mut self, place: &Place) {
        let prefix = format!("{}/", place.name);
        let items = match list(&place.path, &prefix, &mut self.budget) {
            Ok((items, broken)) => {
                self.found.broken.extend(broken);
                items
            }
            Err(error) => return self.broken(&place.name, format!("it cannot be listed: {error}")),
        };
        let (folders, files): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.metadata.is_dir());
        let has = |name: &str| files.iter().any(|file| file.name == name);
        let described = match (has(model_toml::FILE), has(modelfile_settings::FILE)) {
            (true, also) => model_toml::read(&place.path).map(|mut described| {
                if also {
                    described.ignored.push("Modelfile (model.toml stands beside it)".to_owned());
                }
                described
            }),
            (false, true) => modelfile_settings::read(&place.path),
            (false, false) => {
                self.plain(place, &files);
                return self.folders(place, folders);
            }
        };
        match described {
            Ok(described) => self.described(place, &files, described),
            Err(error) => self.broken(&place.name, error.to_string()),
        }
    }

    /// A folder without settings: its model has its name, and several are told apart by a tag.
    fn plain(&mut self, place: &Place, files: &[Item]) {
        let mut found = models(files, None);
        match found.len() {
            0 => self.nothing(place, files),
            1 => match found.remove(0).1 {
                Ok(model) => self.add(place.name.clone(), model, Beside::of(place, files)),
                Err(reason) => self.broken(&place.name, reason),
            },
            _ => {
                let quantization = |name: &str| NameFacts::of(name).quantization;
                let tags: Vec<_> = found.iter().map(|(name, _)| quantization(name)).collect();
                for (index, (name, model)) in found.into_iter().enumerate() {
                    let tag = tags[index].as_ref();
                    let alone = tags.iter().filter(|other| other.as_ref() == tag).count() == 1;
                    let tag = tag.filter(|_| alone).unwrap_or(&name);
                    let name = format!("{}:{tag}", place.name);
                    match model {
                        Ok(model) => self.add(name, model, Beside::of(place, files)),
                        Err(reason) => self.broken(name, reason),
                    }
                }
            }
        }
    }

    /// A folder without a model is said to lack one only if it looks as if there should be one.
    fn nothing(&mut self, place: &Place, files: &[Item]) {
        let unfinished = |file: &&Item| UNFINISHED.iter().any(|end| file.name.ends_with(end));
        if let Some(file) = files.iter().find(unfinished) {
            self.broken(&place.name, format!("its download is not finished: {}", file.name));
        } else if files.iter().any(|file| TOKENIZER_FILES.contains(&file.name.as_str())) {
            self.broken(&place.name, "it has no .rkllm or .gguf file");
        }
    }

    fn described(&mut self, place: &Place, files: &[Item], described: Described) {
        let model = match &described.from {
            Some(from) => {
                let path = place.path.join(from);
                let is_path = from.starts_with(['.', '/'])
                    || path.extension().is_some_and(|e| {
                        e.eq_ignore_ascii_case("rkllm") || e.eq_ignore_ascii_case("gguf")
                    });
                let has_toml = files.iter().any(|file| file.name == model_toml::FILE);
                if !path.exists() && !is_path && !has_toml {
                    return self.derived(place, from.clone(), described);
                }
                ModelFile::at(&path).map_err(|problem| format!("{from}: {problem}"))
            }
            None => only(files, &described),
        };
        match model {
            Ok(model) => {
                self.add(
                    place.name.clone(),
                    model,
                    Beside { described, ..Beside::of(place, files) },
                );
            }
            Err(reason) => self.broken(&place.name, reason),
        }
    }

    fn derived(&mut self, place: &Place, from: String, described: Described) {
        match ModelName::parse(&place.name) {
            Ok(key) => {
                let name = place.name.clone();
                self.found.derived.push(Derived { name, key, from, described });
            }
            Err(error) => self.broken(&place.name, error.to_string()),
        }
    }

    fn add(&mut self, name: String, model: ModelFile, beside: Beside) {
        let Beside { folder, tokenizer_files, tokenizer_ids, described } = beside;
        let names = || -> Result<_, CatalogError> {
            described.aliases.iter().try_for_each(|alias| ModelName::parse(alias).map(drop))?;
            ModelName::parse(&name)
        };
        let key = match names() {
            Ok(key) => key,
            Err(error) => return self.broken(name, error.to_string()),
        };
        let mut named = NameFacts::of(&model.stem);
        let folder_named = NameFacts::of(&name);
        named.parameter_size = named.parameter_size.or(folder_named.parameter_size);
        named.quantization = named.quantization.or(folder_named.quantization);
        named.platform = named.platform.or(folder_named.platform);
        let facts = self.known.facts(&model, &named).unwrap_or_else(|| {
            Arc::new(Facts::read(&model.path, model.format, named.clone(), model.parts))
        });
        self.found.entries.push(ModelEntry {
            digest: digest(&name, &model.path, &model.id),
            name,
            aliases: described.aliases,
            file: model.path,
            folder,
            format: model.format,
            size_bytes: model.size,
            modified: model.modified,
            settings: described.settings,
            ignored: described.ignored,
            origin: described.origin,
            tokenizer_files,
            key,
            id: model.id,
            tokenizer_ids,
            parts: model.parts,
            named,
            facts,
            foreseen: Arc::default(),
        });
    }
}

/// What stands beside a model file.
#[derive(Default)]
struct Beside {
    folder: Option<PathBuf>,
    tokenizer_files: Vec<PathBuf>,
    tokenizer_ids: Vec<FileId>,
    described: Described,
}

impl Beside {
    fn of(place: &Place, files: &[Item]) -> Self {
        let is_one = |file: &&Item| TOKENIZER_FILES.contains(&file.name.as_str());
        Self {
            folder: Some(place.path.clone()),
            tokenizer_files: files.iter().filter(is_one).map(|file| file.path.clone()).collect(),
            tokenizer_ids: files.iter().filter(is_one).map(|f| FileId::of(&f.metadata)).collect(),
            described: Described::default(),
        }
    }
}

/// The model of a folder whose settings do not name it.
fn only(files: &[Item], described: &Described) -> Result<ModelFile, String> {
    let adapter = described.settings.lora.as_ref().map(|lora| lora.path.as_path());
    let mut found = models(files, adapter);
    match found.len() {
        0 => Err("it has no .rkllm or .gguf file".to_owned()),
        1 => found.remove(0).1,
        count => Err(format!("it has {count} models; say in model.toml which `file` it is")),
    }
}
