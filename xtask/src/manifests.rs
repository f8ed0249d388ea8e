//! Tests of the manifests of the workspace's crates.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::workspace;

/// What cargo prints on the workspace.
fn cargo(args: &[&str]) -> String {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap());
    let output = command.args(args).arg("--offline").current_dir(workspace::root()).output();
    let output = output.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}:\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that may be published.
fn published() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().clone();
    packages.retain(|package| package["publish"].is_null());
    packages
}

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

#[test]
fn published_crates_say_all_that_a_registry_shows() {
    for package in published() {
        let name = package["name"].as_str().unwrap();
        for key in ["description", "license", "repository", "readme", "rust_version"] {
            assert!(package[key].is_string(), "{name}: `{key}` is missing");
        }
        for key in ["keywords", "categories"] {
            let words = package[key].as_array().unwrap();
            assert!((1..=5).contains(&words.len()), "{name}: `{key}` needs one to five entries");
        }
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            assert!(folder.join(file).is_file(), "{name}: {file} is missing");
        }
    }
}

#[test]
fn published_crates_become_packages() {
    let names: Vec<_> = published().iter().map(|package| package["name"].to_string()).collect();
    let mut args = vec!["package", "--list", "--allow-dirty"];
    for name in &names {
        args.extend(["--package", name.trim_matches('"')]);
    }
    let files = cargo(&args);
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert_eq!(files.lines().filter(|file| *file == licence).count(), names.len());
    }
}

#[test]
fn without_the_embedded_runtime_nothing_needs_cmake_or_cpp() {
    let tree = |package: &str, features: &[&str]| {
        let tree = ["tree", "--edges=normal,build", "--prefix=none", "--package", package];
        cargo(&[&tree, features].concat())
    };
    let native = |tree: &str| {
        let native = ["cc", "cmake", "bindgen", "llama-cpp-sys-2"];
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        names.filter(|name| native.contains(name)).map(str::to_owned).collect::<Vec<_>>()
    };
    for package in ["rkllm-sys", "rkllm-chat", "rkllm-api", "rkllm-client", "rkllm"] {
        let tree = tree(package, &["--no-default-features"]);
        assert_eq!(native(&tree), [""; 0], "{package}:\n{tree}");
    }
    assert!(!native(&tree("rkllm", &[])).is_empty(), "the test looks at the wrong thing");
}
