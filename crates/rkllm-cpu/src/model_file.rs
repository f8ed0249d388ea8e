//! What is at a model's path, told before llama.cpp tries.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::Error;

/// The first bytes of every GGUF file.
const MAGIC: [u8; 4] = *b"GGUF";

/// Refuses what cannot be a GGUF model, with a reason that a person can act on.
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    let refuse = |reason: String| Error::ModelFile { path: path.to_owned(), reason };
    let unreadable = |error| refuse(format!("cannot be read: {error}; check model_path"));
    let mut file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(refuse("is a directory; give the path of a GGUF file in it".to_owned()));
    }
    let mut start = Vec::with_capacity(MAGIC.len());
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).map_err(unreadable)?;
    if start.is_empty() {
        return Err(refuse("is empty; fetch the model again".to_owned()));
    }
    if start == MAGIC {
        return Ok(());
    }
    if is_npu_model(path) {
        return Err(Error::NpuModel { path: path.to_owned() });
    }
    Err(refuse("is not a GGUF file; the embedded CPU runtime runs GGUF models only".to_owned()))
}

/// Tells why llama.cpp did not load the file, given the first error that it logged.
pub(crate) fn explain(path: &Path, logged: Option<String>) -> Error {
    if is_npu_model(path) {
        return Error::NpuModel { path: path.to_owned() };
    }
    let logged = logged.as_deref().unwrap_or("llama.cpp gave no reason");
    let reason = format!("cannot be loaded: {logged}; if it is incomplete, fetch the model again");
    Error::ModelFile { path: path.to_owned(), reason }
}

fn is_npu_model(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("rkllm"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn refusal(name: &str, content: &[u8]) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        check(&path).expect_err("must be refused").to_string()
    }

    #[test]
    fn each_wrong_file_is_told_apart() {
        assert!(refusal("a.gguf", b"").ends_with("a.gguf: is empty; fetch the model again"));
        assert!(refusal("a.gguf", b"GG").contains("is not a GGUF file"));
        assert!(refusal("a.txt", b"hello").contains("is not a GGUF file"));
        assert!(refusal("a.RKLLM", b"hello").contains("model for the NPU"));
    }

    #[test]
    fn a_missing_file_and_a_folder_are_told_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let missing = check(&folder.path().join("none")).expect_err("missing").to_string();
        assert!(missing.contains("cannot be read: No such file"), "{missing}");
        let directory = check(folder.path()).expect_err("a folder").to_string();
        assert!(directory.contains("is a directory"), "{directory}");
    }

    #[test]
    fn a_gguf_may_pass_whatever_its_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("renamed.rkllm");
        fs::write(&path, b"GGUF and more").expect("a file");
        assert!(check(&path).is_ok());
        assert!(explain(&path, None).to_string().contains("model for the NPU"));
    }
}
