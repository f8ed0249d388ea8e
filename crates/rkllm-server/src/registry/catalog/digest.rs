//! The 64 hexadecimal digits that stand for a model.
//!
//! Hashing gigabytes takes a board minutes. So it is the SHA-256 of the content only where somebody
//! has written that down: in a file `NAME.sha256` beside the model, or in the model's own name, as
//! blob stores do (`sha256-…`). Elsewhere it is made of name, size and time of the last change. It is
//! the same as long as these are, and other models have another one.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::described::read_text;
use super::file_id::FileId;

pub(super) fn digest(name: &str, file: &Path, id: &FileId) -> String {
    beside(file).or_else(|| blob(file)).unwrap_or_else(|| {
        let hash = Sha256::digest(format!("{name}\n{}", id.content()));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// What `sha256sum FILE > FILE.sha256` has written.
fn beside(file: &Path) -> Option<String> {
    let mut path = file.as_os_str().to_owned();
    path.push(".sha256");
    let text = read_text(Path::new(&path)).ok()?;
    text.split_whitespace().next().and_then(hexadecimal)
}

fn blob(file: &Path) -> Option<String> {
    let file = file.canonicalize().ok()?;
    let name = file.file_name()?.to_str()?;
    hexadecimal(name.strip_prefix("sha256-")?)
}

fn hexadecimal(text: &str) -> Option<String> {
    let is = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is.then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.gguf");
        let of = |name| digest(name, &file, &FileId::of(&file.metadata().unwrap()));
        std::fs::write(&file, "1").unwrap();
        let first = of("m");
        assert!(hexadecimal(&first).is_some());
        assert_eq!(of("m"), first);
        assert_ne!(of("n"), first);
        std::fs::write(&file, "12").unwrap();
        assert_ne!(of("m"), first);
    }

    #[test]
    fn is_the_true_one_where_it_is_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let of = |name| digest("m", &path(name), &FileId::of(&path(name).metadata().unwrap()));
        std::fs::write(path("m.gguf"), "1").unwrap();
        std::fs::write(path("m.gguf.sha256"), format!("{}  m.gguf\n", "AB".repeat(32))).unwrap();
        assert_eq!(of("m.gguf"), "ab".repeat(32));
        std::fs::write(path("m.gguf.sha256"), "nothing").unwrap();
        assert_ne!(of("m.gguf"), "ab".repeat(32));
        let blob = format!("sha256-{}", "cd".repeat(32));
        std::fs::write(path(&blob), "1").unwrap();
        std::os::unix::fs::symlink(path(&blob), path("link.gguf")).unwrap();
        assert_eq!(of("link.gguf"), "cd".repeat(32));
    }
}
