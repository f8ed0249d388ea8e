//! Tests of the manifests of the workspace's crates.

use std::fs;

use crate::workspace;

#[test]
fn every_crate_inherits_the_lints() {
    let crates = fs::read_dir(workspace::root().join("crates")).unwrap();
    let mut manifests: Vec<_> =
        crates.map(|entry| entry.unwrap().path().join("Cargo.toml")).collect();
    manifests.push(workspace::root().join("xtask/Cargo.toml"));
    for path in manifests {
        let manifest = fs::read_to_string(&path).unwrap();
        assert!(
            manifest.contains("\n[lints]\nworkspace = true\n"),
            "{}: add `[lints]` with `workspace = true`",
            path.display()
        );
    }
}
