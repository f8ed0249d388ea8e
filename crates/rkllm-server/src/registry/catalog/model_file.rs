//! Files that hold models.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::described::open;
use super::entry::Format;
use super::file_id::FileId;
use super::gguf;
use super::listing::Item;

/// A model file, or the first one of a model in several parts.
#[derive(Debug)]
pub(super) struct ModelFile {
    /// Its name without ending and part number.
    pub(super) stem: String,
    pub(super) path: PathBuf,
    pub(super) format: Format,
    /// Bytes of all parts.
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    pub(super) id: FileId,
    pub(super) parts: usize,
}

impl ModelFile {
    /// Looks at a file; `Err` says why it holds no model.
    pub(super) fn at(path: &Path) -> Result<Self, String> {
        let mut file = open(path).map_err(|problem| format!("it cannot be read: {problem}"))?;
        let cannot = |error: std::io::Error| format!("it cannot be read: {error}");
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.len() == 0 {
            return Err("it is empty; its download or conversion was not finished".to_owned());
        }
        let mut magic = Vec::new();
        file.by_ref().take(4).read_to_end(&mut magic).map_err(cannot)?;
        let is_gguf = magic == gguf::MAGIC;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, format) = match Format::strip(&name) {
            Some((_, Format::Gguf)) if !is_gguf => {
                return Err("it does not begin like a GGUF file; download it again".to_owned());
            }
            Some(named) => named,
            None if is_gguf => (name.as_ref(), Format::Gguf),
            None => return Err("it is neither a .rkllm nor a GGUF model".to_owned()),
        };
        let mut found = Self {
            stem: stem.to_owned(),
            path: path.to_owned(),
            format,
            size: metadata.len(),
            modified: metadata.modified().map_err(cannot)?,
            id: FileId::of(&metadata),
            parts: 1,
        };
        found.add_parts()?;
        Ok(found)
    }

    /// Counts the other parts of a model in several files.
    fn add_parts(&mut self) -> Result<(), String> {
        let Some(part) = Part::of(&self.stem).filter(|_| self.format == Format::Gguf) else {
            return Ok(());
        };
        if part.number != 1 {
            return Err(format!("it is part {} of a model; name part 1", part.number));
        }
        for number in 2..=part.total {
            let other = format!("{}-{number:05}-of-{:05}.gguf", part.base, part.total);
            let missing = |_| format!("its part {other} is missing");
            self.size += self.path.with_file_name(&other).metadata().map_err(missing)?.len();
        }
        self.parts = part.total;
        self.stem = part.base.to_owned();
        Ok(())
    }
}

/// What the name says of a model in several files: `BASE-00001-of-00003`.
struct Part<'a> {
    base: &'a str,
    number: usize,
    total: usize,
}

impl<'a> Part<'a> {
    fn of(stem: &'a str) -> Option<Self> {
        let (rest, total) = stem.rsplit_once("-of-")?;
        let (base, number) = rest.rsplit_once('-')?;
        let read = |text: &str| text.parse().ok().filter(|_| text.len() == 5);
        Some(Self { base, number: read(number)?, total: read(total)? })
    }

    /// Whether a part of the same model comes before it.
    fn follows(&self, items: &[Item]) -> bool {
        let first = format!("{}-00001-of-{:05}.gguf", self.base, self.total);
        self.number > 1 && items.iter().any(|item| item.name.eq_ignore_ascii_case(&first))
    }
}

/// The models among the files of a folder: what each would be called, and the model or the reason
/// why it is none. The adapter, projectors for images (`mmproj…`) and later parts are no models of
/// their own.
pub(super) fn models(
    files: &[Item],
    adapter: Option<&Path>,
) -> Vec<(String, Result<ModelFile, String>)> {
    let mut found = Vec::new();
    for file in files {
        let Some((stem, _)) = Format::strip(&file.name) else { continue };
        let is_other = stem.to_lowercase().starts_with("mmproj") || adapter == Some(&file.path);
        if is_other || Part::of(stem).is_some_and(|part| part.follows(files)) {
            continue;
        }
        found.push((stem.to_owned(), ModelFile::at(&file.path)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::listing::list;
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let folder = folder(files);
        let (items, _) = list(folder.path(), "", &mut 100).unwrap();
        let said = |(name, model): (String, Result<ModelFile, String>)| match model {
            Ok(model) => format!("{} {} bytes in {}", model.stem, model.size, model.parts),
            Err(reason) => format!("{name}: {reason}"),
        };
        models(&items, None).into_iter().map(said).collect()
    }

    #[test]
    fn one_by_one() {
        let files = [
            ("a.rkllm", "x"),
            ("b.GGUF", "GGUF"),
            ("c.gguf", "<html>"),
            ("d.rkllm", ""),
            ("e.gguf.part", "GGUF"),
            ("mmproj-f16.gguf", "GGUF"),
            ("tokenizer.json", "{}"),
        ];
        assert_eq!(
            found(&files),
            [
                "a 1 bytes in 1",
                "b 4 bytes in 1",
                "c: it does not begin like a GGUF file; download it again",
                "d: it is empty; its download or conversion was not finished",
            ]
        );
    }

    #[test]
    fn in_parts() {
        let part = |number| format!("m-0000{number}-of-00003.gguf");
        let (one, two, three) = (part(1), part(2), part(3));
        let all = [(one.as_str(), "GGUF"), (two.as_str(), "GGUF12"), (three.as_str(), "GGUF1")];
        assert_eq!(found(&all), ["m 15 bytes in 3"]);
        assert_eq!(
            found(&all[..2]),
            ["m-00001-of-00003: its part m-00003-of-00003.gguf is missing"]
        );
        assert_eq!(found(&all[1..2]), ["m-00002-of-00003: it is part 2 of a model; name part 1"]);
        assert_eq!(found(&[("out-of-order.gguf", "GGUF")]), ["out-of-order 4 bytes in 1"]);
    }

    #[test]
    fn names_without_ending() {
        let folder = folder(&[("blob", "GGUF..."), ("other", "x")]);
        let at = |name: &str| ModelFile::at(&folder.path().join(name));
        assert_eq!(at("blob").unwrap().format, Format::Gguf);
        assert_eq!(at("other").unwrap_err(), "it is neither a .rkllm nor a GGUF model");
        assert!(at("nowhere").unwrap_err().starts_with("it cannot be read"));
        assert!(at("").unwrap_err().contains("no regular file"));
    }
}
