//! Trees of files, and what becomes of them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::facts::Facts;
use super::settings::{Lora, Pooling, Reasoning, Settings};
use super::{Broken, Catalog, CatalogError, Diff, Format, Library, ModelEntry, gguf};
use crate::generate::Overflow;
use crate::registry::KeepAlive;

struct Tree {
    root: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[&str]) -> Self {
        let tree = Self { root: tempfile::tempdir().unwrap() };
        for file in files {
            let content: &[u8] = if file.ends_with(".gguf") { b"GGUF" } else { b"x" };
            tree.write(file, content);
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn scan(&self) -> Catalog {
        Catalog::scan(self.root.path()).unwrap()
    }
}

fn names(catalog: &Catalog) -> Vec<&str> {
    catalog.entries().iter().map(|entry| entry.name.as_str()).collect()
}

fn broken(catalog: &Catalog) -> Vec<String> {
    let said = |Broken { name, reason }: &Broken| format!("{name}: {reason}");
    catalog.broken().iter().map(said).collect()
}

fn entry<'a>(catalog: &'a Catalog, name: &str) -> &'a ModelEntry {
    catalog.entries().iter().find(|entry| entry.name == name).unwrap()
}

fn resolved(catalog: &Catalog, name: &str) -> Result<String, CatalogError> {
    catalog.resolve(name).map(|entry| entry.name.clone())
}

#[test]
fn files_and_folders() {
    let tree = Tree::new(&[
        "b.gguf",
        "a.RKLLM",
        "notes.txt",
        ".hidden.gguf",
        "x.gguf.part",
        "Qwen3/q.rkllm",
        "Qwen3/tokenizer.json",
        "Qwen3/config.json",
        "hf.co/org/repo/m.gguf",
        ".cache/c.gguf",
        "empty/readme.md",
    ]);
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["Qwen3", "a", "b", "hf.co/org/repo"]);
    assert_eq!(broken(&catalog), [""; 0]);
    let qwen = entry(&catalog, "Qwen3");
    assert_eq!((qwen.format, qwen.size_bytes), (Format::Rkllm, 1));
    assert_eq!(qwen.file, tree.path("Qwen3/q.rkllm"));
    assert_eq!(qwen.folder, Some(tree.path("Qwen3")));
    assert_eq!(qwen.modified, qwen.file.metadata().unwrap().modified().unwrap());
    let tokenizer = ["Qwen3/config.json", "Qwen3/tokenizer.json"].map(|file| tree.path(file));
    assert_eq!(qwen.tokenizer_files, tokenizer);
    assert_eq!(qwen.digest.len(), 64);
    let loose = entry(&catalog, "b");
    assert_eq!((loose.format.name(), &loose.folder), ("gguf", &None));
}

#[test]
fn several_models_in_a_folder_have_tags() {
    let tree = Tree::new(&[
        "org/m/M-Q4_K_M.gguf",
        "org/m/M-Q8_0.gguf",
        "org/n/one.gguf",
        "org/n/two.gguf",
        "org/n/mmproj-f16.gguf",
    ]);
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["org/m:Q4_K_M", "org/m:Q8_0", "org/n:one", "org/n:two"]);
    assert_eq!(resolved(&catalog, "ORG/M:q8_0").unwrap(), "org/m:Q8_0");
    let error = resolved(&catalog, "org/m").unwrap_err().to_string();
    insta::assert_snapshot!(error, @"model 'org/m' can be any of org/m:Q4_K_M, org/m:Q8_0; send one of these names");
}

#[test]
fn settings_choose_among_several() {
    let tree = Tree::new(&["m/a.gguf", "m/b.gguf"]);
    tree.write("m/model.toml", "");
    assert_eq!(broken(&tree.scan()), ["m: it has 2 models; say in model.toml which `file` it is"]);
    tree.write("m/model.toml", "file = \"b.gguf\"\naliases = [\"best\"]\npinned = true");
    let catalog = tree.scan();
    assert_eq!(entry(&catalog, "m").file, tree.path("m/b.gguf"));
    assert_eq!(entry(&catalog, "m").aliases, ["best"]);
    assert_eq!(resolved(&catalog, "BEST").unwrap(), "m");
    tree.write("m/model.toml", "lora = { path = \"a.gguf\" }");
    let catalog = tree.scan();
    assert_eq!(entry(&catalog, "m").file, tree.path("m/b.gguf"));
    tree.write("m/model.toml", "file = \"c.gguf\"");
    assert!(broken(&tree.scan())[0].starts_with("m: c.gguf: it cannot be read"));
}

#[test]
fn every_setting_arrives() {
    let tree = Tree::new(&["m/a.gguf", "m/l.gguf"]);
    tree.write(
        "m/model.toml",
        "overflow = \"refuse\"\nruntime_version = \"1.2.3\"\nkeep_alive = -1\npooling = \"mean\"
        lora = { path = \"l.gguf\" }\nreasoning = { start = \"<t>\", end = \"</t>\" }",
    );
    let catalog = tree.scan();
    let expected = Settings {
        overflow: Some(Overflow::Refuse),
        runtime: Some(Library::Version("1.2.3".into())),
        keep_alive: Some(KeepAlive::Forever),
        pooling: Some(Pooling::Mean),
        lora: Some(Lora { path: tree.path("m/l.gguf"), scale: 1.0 }),
        reasoning: Some(Reasoning { start: "<t>".into(), end: "</t>".into() }),
        ..Settings::default()
    };
    assert_eq!(entry(&catalog, "m").settings, expected);
    for pooling in [Pooling::Mean, Pooling::Cls, Pooling::Last] {
        tree.write("m/model.toml", format!("file = \"a.gguf\"\npooling = {:?}", pooling.name()));
        assert_eq!(entry(&tree.scan(), "m").settings.pooling, Some(pooling));
    }
}

#[test]
fn modelfiles() {
    let tree = Tree::new(&["rk/q.rkllm", "base/b.gguf"]);
    tree.write("rk/Modelfile", "FROM=\"q.rkllm\"\nHUGGINGFACE_PATH=\"Qwen/Q\"\nLICENSE=\"MIT\"");
    tree.write("base/Modelfile", "FROM ./b.gguf\nSYSTEM base\nPARAMETER top_k 1");
    tree.write("mario/Modelfile", "FROM Base\nSYSTEM You are Mario.");
    tree.write("luigi/Modelfile", "FROM mario\nPARAMETER temperature 0");
    tree.write("lost/Modelfile", "FROM nowhere");
    tree.write("ring/Modelfile", "FROM ring");
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["base", "luigi", "mario", "rk"]);
    let rk = entry(&catalog, "rk");
    assert_eq!(rk.origin.as_deref(), Some("Qwen/Q"));
    assert_eq!(rk.ignored, ["LICENSE"]);
    let luigi = entry(&catalog, "luigi");
    assert_eq!(luigi.file, tree.path("base/b.gguf"));
    assert_eq!(luigi.settings.system.as_deref(), Some("You are Mario."));
    let sampling = &luigi.settings.sampling;
    assert_eq!((sampling.temperature, sampling.top_k), (Some(0.0), Some(1)));
    assert_ne!(luigi.digest, entry(&catalog, "base").digest);
    insta::assert_snapshot!(broken(&catalog).join("\n"), @r#"
        lost: Modelfile: FROM: model 'nowhere' not found; ask for the list of models
        ring: Modelfile: FROM: model 'ring' not found; ask for the list of models
        "#);
}

#[test]
fn model_toml_wins_over_a_modelfile() {
    let tree = Tree::new(&["m/a.gguf"]);
    tree.write("m/model.toml", "system = \"toml\"").write("m/Modelfile", "nonsense");
    let catalog = tree.scan();
    assert_eq!(entry(&catalog, "m").settings.system.as_deref(), Some("toml"));
    assert_eq!(entry(&catalog, "m").ignored, ["Modelfile (model.toml stands beside it)"]);
}

#[test]
fn what_is_broken_is_listed_with_its_reason() {
    let tree = Tree::new(&["good.gguf", "late/m.gguf.part", "half/tokenizer.json", "a:b:c.gguf"]);
    tree.write("page.gguf", "<html>").write("empty.rkllm", "");
    tree.write("wrong/m.gguf", "GGUF").write("wrong/model.toml", "\ncolour = 1");
    tree.write("named/m.gguf", "GGUF").write("named/model.toml", "aliases = [\"../x\"]");
    tree.write("model.toml", "");
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["good"]);
    insta::assert_snapshot!(broken(&catalog).join("\n"), @r#"
        a:b:c: "a:b:c" is no name of a model: write it as name or name:tag
        empty: it is empty; its download or conversion was not finished
        half: it has no .rkllm or .gguf file
        late: its download is not finished: m.gguf.part
        model.toml: it describes no model here; move it into the folder of its model
        named: "../x" is no name of a model: a part of it is empty or made of dots
        page: it does not begin like a GGUF file; download it again
        wrong: model.toml line 2: unknown field `colour`, expected one of `file`, `aliases`, `template`, `template_file`, `tool_format`, `reasoning`, `enable_thinking`, `system`, `sampling`, `context_length`, `overflow`, `runtime`, `runtime_version`, `keep_alive`, `pinned`, `lora`, `eos_token_ids`, `pooling`
        "#);
    let error = resolved(&catalog, "Page.gguf").unwrap_err().to_string();
    insta::assert_snapshot!(error, @"model 'Page.gguf' cannot be used: it does not begin like a GGUF file; download it again");
}

#[test]
fn links_are_followed_but_not_in_circles() {
    let tree = Tree::new(&["store/m.gguf", "deep/store/m.gguf"]);
    symlink(tree.path("store/m.gguf"), tree.path("file.gguf")).unwrap();
    symlink(tree.path("store"), tree.path("folder")).unwrap();
    symlink(tree.root.path(), tree.path("deep/up")).unwrap();
    symlink("loop", tree.path("loop")).unwrap();
    symlink("nowhere.gguf", tree.path("dangling.gguf")).unwrap();
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["deep/store", "file", "folder", "store"]);
    let broken = broken(&catalog);
    assert_eq!(broken.len(), 3, "{broken:?}");
    assert!(broken[0].starts_with("dangling.gguf: it cannot be looked at"));
    assert_eq!(broken[1], "deep/up: it is a link to a folder above it");
    assert!(broken[2].starts_with("loop: it cannot be looked at"));
}

#[test]
fn names_that_are_not_utf8_are_said() {
    let tree = Tree::new(&["good.gguf"]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.gguf");
    fs::write(tree.root.path().join(name), "GGUF").unwrap();
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["good"]);
    assert_eq!(broken(&catalog), ["caf\u{fffd}.gguf: its name is not UTF-8; rename it"]);
}

#[test]
fn huge_folders_are_refused() {
    let tree = Tree::new(&["good.gguf"]);
    fs::create_dir(tree.path("huge")).unwrap();
    for number in 0..=super::listing::MAX_ITEMS {
        // Links are made faster than files.
        symlink("x", tree.path(&format!("huge/{number}"))).unwrap();
    }
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["good"]);
    assert!(broken(&catalog)[0].starts_with("huge: it cannot be listed: it has more than 10000"));
    let error = Catalog::scan(&tree.path("huge")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the models folder"), "{error}");
}

#[test]
fn folders_are_looked_into_so_deep() {
    let tree = Tree::new(&["a/b/c/m.gguf", "a/b/c/d/m.gguf"]);
    assert_eq!(names(&tree.scan()), ["a/b/c"]);
}

#[test]
fn equal_names_are_told_apart() {
    let tree = Tree::new(&["m.gguf", "M.rkllm", "n/x.gguf", "n.gguf", "o.gguf", "O.gguf"]);
    let catalog = tree.scan();
    assert_eq!(names(&catalog), ["M.rkllm", "O.gguf", "m.gguf", "n", "n.gguf"]);
    insta::assert_snapshot!(broken(&catalog).join("\n"), @"o.gguf: its name is taken by O.gguf; case makes no difference; rename one");
    assert_eq!(resolved(&catalog, "m.RKLLM").unwrap(), "M.rkllm");
    assert_eq!(resolved(&catalog, "n").unwrap(), "n");
    assert!(matches!(resolved(&catalog, "m"), Err(CatalogError::Unknown { .. })));
}

#[test]
fn names_as_clients_say_them() {
    let tree = Tree::new(&[
        "Qwen3-0.6B-w8a8-rk3588.rkllm",
        "Qwen3-1.7B-w8a8-rk3588.rkllm",
        "Qwen3-1.7B-w4a16-rk3588.rkllm",
        "Qwen2.5-3B-Instruct-w8a8.rkllm",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "gemma3-270m.rkllm",
        "gemma3-270m-it.rkllm",
        "smol:135m/m.rkllm",
        "hf.co/org/repo/m.gguf",
    ]);
    let catalog = tree.scan();
    for (said, meant) in [
        ("qwen3-0.6b-W8A8-rk3588", "Qwen3-0.6B-w8a8-rk3588"),
        ("qwen3-0.6b-w8a8-rk3588:latest", "Qwen3-0.6B-w8a8-rk3588"),
        ("qwen3-0.6b-w8a8-rk3588.rkllm", "Qwen3-0.6B-w8a8-rk3588"),
        ("qwen3:0.6b", "Qwen3-0.6B-w8a8-rk3588"),
        ("qwen3-0.6b", "Qwen3-0.6B-w8a8-rk3588"),
        ("qwen3-1.7b:w4a16", "Qwen3-1.7B-w4a16-rk3588"),
        ("qwen3:1.7b-w8a8", "Qwen3-1.7B-w8a8-rk3588"),
        ("qwen3:w4a16.rkllm", "Qwen3-1.7B-w4a16-rk3588"),
        ("qwen2.5-instruct", "Qwen2.5-3B-Instruct-w8a8"),
        ("qwen2.5:3b-instruct", "Qwen2.5-3B-Instruct-w8a8"),
        ("qwen2.5:3b", "Qwen2.5-3B-Instruct-w8a8"),
        ("smollm2:135m", "SmolLM2-135M-Instruct.Q4_1"),
        ("smollm2", "SmolLM2-135M-Instruct.Q4_1"),
        ("gemma3:270m", "gemma3-270m"),
        ("smol:135m", "smol:135m"),
        ("smol", "smol:135m"),
        ("HF.co/org/Repo", "hf.co/org/repo"),
        ("hf.co/org/repo:latest", "hf.co/org/repo"),
    ] {
        assert_eq!(resolved(&catalog, said).unwrap(), meant, "{said}");
    }
    let error = |name| resolved(&catalog, name).unwrap_err().to_string();
    insta::assert_snapshot!(error("qwen3:1.7b"), @"model 'qwen3:1.7b' can be any of Qwen3-1.7B-w4a16-rk3588, Qwen3-1.7B-w8a8-rk3588; send one of these names");
    assert!(error("gemma3:270m-chat").contains("not found"));
    insta::assert_snapshot!(error("qwen3:8b"), @"model 'qwen3:8b' not found; the nearest names are Qwen3-0.6B-w8a8-rk3588, Qwen3-1.7B-w4a16-rk3588, Qwen3-1.7B-w8a8-rk3588");
    insta::assert_snapshot!(error("qwen2.5-3b-instruct-w4a16"), @"model 'qwen2.5-3b-instruct-w4a16' not found; the nearest names are Qwen2.5-3B-Instruct-w8a8");
    insta::assert_snapshot!(error("repo"), @"model 'repo' not found; the nearest names are hf.co/org/repo");
    insta::assert_snapshot!(error("w8a8"), @"model 'w8a8' not found; ask for the list of models");
    insta::assert_snapshot!(error("qwen3-0.6b-w8a8-rk3588.gguf"), @"model 'qwen3-0.6b-w8a8-rk3588.gguf' not found; the nearest names are Qwen3-0.6B-w8a8-rk3588, Qwen3-1.7B-w8a8-rk3588, Qwen3-1.7B-w4a16-rk3588");
    insta::assert_snapshot!(error("../../etc/passwd"), @r#""../../etc/passwd" is no name of a model: a part of it is empty or made of dots"#);
}

#[test]
fn what_is_to_be_changed_is_not_another_model() {
    let tree = Tree::new(&["gemma3-270m-it.gguf", "Qwen3-0.6B-w8a8.rkllm"]);
    let catalog = tree.scan();
    let strictly = |name| catalog.resolve_strictly(name).map(|entry| entry.name.clone());
    assert_eq!(resolved(&catalog, "gemma3:270m").unwrap(), "gemma3-270m-it");
    assert!(matches!(strictly("gemma3:270m"), Err(CatalogError::Unknown { .. })));
    assert_eq!(strictly("gemma3:270m-it").unwrap(), "gemma3-270m-it");
    assert_eq!(strictly("qwen3:0.6b").unwrap(), "Qwen3-0.6B-w8a8");
}

#[test]
fn aliases_of_two_models_are_ambiguous_and_names_win() {
    let tree = Tree::new(&["a/m.gguf", "b/m.gguf", "c.gguf"]);
    tree.write("a/model.toml", "aliases = [\"chat\", \"c\"]");
    tree.write("b/model.toml", "aliases = [\"Chat:latest\"]");
    let catalog = tree.scan();
    let error = resolved(&catalog, "chat").unwrap_err();
    let candidates = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(error, CatalogError::Ambiguous { name: "chat".into(), candidates });
    assert_eq!(resolved(&catalog, "c").unwrap(), "c");
}

#[test]
fn a_tag_can_be_what_only_the_header_says() {
    let tree = Tree::new(&["other.gguf"]);
    tree.write("smol.gguf", gguf::tests::example());
    let catalog = tree.scan();
    // What is asked for from here on is known, and not read.
    fs::remove_file(tree.path("smol.gguf")).unwrap();
    assert_eq!(resolved(&catalog, "smol:q4_1").unwrap(), "smol");
    assert_eq!(resolved(&catalog, "smol:28.31M-Q4_1").unwrap(), "smol");
    assert_eq!(resolved(&catalog, "smol:q4_1.gguf").unwrap(), "smol");
    assert!(matches!(resolved(&catalog, "smol:q8_0"), Err(CatalogError::Unknown { .. })));
    let facts: &Facts = entry(&catalog, "smol").facts().unwrap();
    assert_eq!(facts.architecture.as_deref(), Some("llama"));
    let error = entry(&catalog, "other").facts().unwrap_err().to_string();
    assert!(error.contains("ends in the middle of its header"), "{error}");
}

#[test]
fn a_rescan_says_what_is_different() {
    let tree = Tree::new(&["gone.gguf", "same.rkllm", "set/m.rkllm", "set/tokenizer.json"]);
    tree.write("grown.gguf", gguf::tests::example());
    let first = tree.scan();
    let (second, diff) = first.rescan().unwrap();
    assert!(diff.is_empty());
    let known = &entry(&second, "grown").facts;
    assert!(Arc::ptr_eq(known, &entry(&first, "grown").facts), "the file was read once");

    fs::remove_file(tree.path("gone.gguf")).unwrap();
    tree.write("new.rkllm", "x").write("bad.gguf", "x");
    tree.write("grown.gguf", [gguf::tests::example(), vec![0]].concat());
    tree.write("set/model.toml", "system = \"Be brief.\"");
    let (third, diff) = second.rescan().unwrap();
    assert!(!diff.is_empty());
    let list = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    let expected = Diff {
        added: list(&["new"]),
        removed: list(&["gone"]),
        changed: list(&["grown", "set"]),
        broken: third.broken().to_vec(),
    };
    assert_eq!(diff, expected);
    assert_eq!(diff.broken.len(), 1);
    assert!(!Arc::ptr_eq(known, &entry(&third, "grown").facts), "and once more when it changed");

    tree.write("set/tokenizer.json", "changed");
    let (fourth, diff) = third.rescan().unwrap();
    assert_eq!(diff, Diff { changed: list(&["set"]), ..Diff::default() });
    tree.write("set/model.toml", "system = 1");
    let (_, diff) = fourth.rescan().unwrap();
    assert_eq!((diff.removed, diff.broken.len()), (list(&["set"]), 1));
}

#[test]
fn a_file_replaced_by_another_has_changed() {
    let tree = Tree::new(&["m.rkllm"]);
    let first = tree.scan();
    // The same size and time; only the inode tells.
    let modified = tree.path("m.rkllm").metadata().unwrap().modified().unwrap();
    tree.write("other", "y");
    let other = fs::File::options().write(true).open(tree.path("other")).unwrap();
    other.set_modified(modified).unwrap();
    fs::rename(tree.path("other"), tree.path("m.rkllm")).unwrap();
    let (_, diff) = first.rescan().unwrap();
    assert_eq!(diff.changed, ["m"]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let error = Catalog::scan(Path::new("/nonexistent")).unwrap_err();
    insta::assert_snapshot!(error, @"cannot read the models folder /nonexistent: No such file or directory (os error 2); name another one");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_name_finds_a_model_that_is_there_or_none(name in "[a-cA-C./:_-]{0,8}|\\PC{0,12}") {
        let tree = Tree::new(&["a.rkllm", "b/c.rkllm", "a-b.rkllm"]);
        let catalog = tree.scan();
        if let Ok(entry) = catalog.resolve(&name) {
            prop_assert!(entry.file.starts_with(tree.root.path()));
        }
    }
}
