//! A model's folder, put in its place as a whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::fault::storage;
use super::store::absent_is_fine;
use super::toml::{self, SettingsFile};
use crate::error::Error;

/// Where a folder is put together, and where one waits to be deleted. Hidden.
const NEW: &str = ".new";
const OLD: &str = ".old";
/// Settings of the older form, which those of the newer one replace.
const MODELFILE: &str = "Modelfile";

/// A folder to be.
#[derive(Debug)]
pub(super) struct Plan {
    /// Path from the models directory.
    pub(super) path: String,
    pub(super) files: Vec<File>,
    pub(super) settings: SettingsFile,
}

/// A file of a folder to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) from: PathBuf,
    /// Path from the new folder.
    pub(super) name: String,
    /// Whether it is no longer needed where it was.
    pub(super) moved: bool,
    /// Its sha256, to be written down beside it.
    pub(super) sha256: Option<String>,
}

/// Puts a folder together and in its place; what was there is deleted.
pub(super) fn put(root: &Path, plan: Plan) -> Result<(), Error> {
    let target = root.join(&plan.path);
    let new = root.join(NEW);
    check(root, &plan, &target)?;
    let failed = |error| storage("write", &target, &error);
    clear(&new).and_then(|()| fs::create_dir_all(&new)).map_err(failed)?;
    if !plan.settings.is_empty() {
        write_settings(&new, &plan.settings)?;
    }
    // What is moved comes last: until then a failure loses nothing.
    let (moved, kept): (Vec<_>, Vec<_>) = plan.files.iter().partition(|file| file.moved);
    for file in kept.into_iter().chain(moved) {
        add(file, &new).map_err(failed)?;
    }
    swap(root, &target).map_err(failed)
}

/// Puts the new folder where the old one is, if there is one.
fn swap(root: &Path, target: &Path) -> io::Result<()> {
    let old = root.join(OLD);
    if let Some(above) = target.parent() {
        fs::create_dir_all(above)?;
    }
    clear(&old)?;
    absent_is_fine(fs::rename(target, &old))?;
    fs::rename(root.join(NEW), target)?;
    clear(&old)
}

/// Refuses a place that is not free for a model.
fn check(root: &Path, plan: &Plan, target: &Path) -> Result<(), Error> {
    let taken = |path: &Path, what: &str| {
        Error::invalid(format!("{} {what}; choose another name", path.display()))
    };
    for above in target.ancestors().skip(1).take_while(|above| *above != root) {
        if above.exists() && holds_files(above) {
            return Err(taken(above, "is a model, which cannot have another one in it"));
        }
    }
    if target.exists() && !holds_files(target) {
        return Err(taken(target, "is a folder of other models"));
    }
    let old_form = plan.files.iter().any(|file| file.name == MODELFILE);
    if old_form && !plan.settings.is_empty() {
        return Err(Error::invalid(
            "the settings of that model are in a Modelfile, to which nothing can be added; write them \
             as a model.toml",
        ));
    }
    Ok(())
}

fn holds_files(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|items| items.flatten().any(|item| item.path().is_file()))
}

fn add(file: &File, folder: &Path) -> io::Result<()> {
    let to = folder.join(&file.name);
    if let Some(above) = to.parent() {
        fs::create_dir_all(above)?;
    }
    if file.moved {
        fs::rename(&file.from, &to)?;
    } else if fs::hard_link(&file.from, &to).is_err() {
        // Another file system, or one without links.
        fs::copy(&file.from, &to)?;
    }
    match &file.sha256 {
        Some(sha256) => fs::write(checksum(&to), format!("{sha256}  {}\n", file.name)),
        None => Ok(()),
    }
}

/// The file that says the sha256 of `file`, in the form of `sha256sum`.
pub(super) fn checksum(file: &Path) -> PathBuf {
    file.with_added_extension("sha256")
}

/// Writes the settings of a model's folder.
pub(super) fn write_settings(folder: &Path, settings: &SettingsFile) -> Result<(), Error> {
    let path = folder.join(toml::FILE);
    let new = folder.join(format!(".{}", toml::FILE));
    let written = fs::write(&new, settings.text()).and_then(|()| fs::rename(&new, &path));
    written.map_err(|error| storage("write", &path, &error))
}

/// Deletes a model's folder, and the folders above it that hold nothing else.
pub(super) fn remove(root: &Path, folder: &Path) -> io::Result<()> {
    let old = root.join(OLD);
    clear(&old)?;
    fs::rename(folder, &old)?;
    for above in folder.ancestors().skip(1).take_while(|above| *above != root) {
        if fs::remove_dir(above).is_err() {
            break;
        }
    }
    clear(&old)
}

fn clear(folder: &Path) -> io::Result<()> {
    absent_is_fine(fs::remove_dir_all(folder))
}
