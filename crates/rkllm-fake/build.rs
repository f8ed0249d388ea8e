//! Compiles the C sources against the header of each ABI generation.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Name of a generation, and the number by which the sources know it.
const GENERATIONS: [(&str, &str); 4] =
    [("1.1", "110"), ("1.2.0", "120"), ("1.2.1", "121"), ("1.3", "130")];

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let (runtime, vendor) = (root.join("src/runtime"), root.join("../../vendor"));
    for input in [&runtime, &vendor] {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    let sources = sources(&runtime);
    let out = PathBuf::from(variable("OUT_DIR"));
    for (name, number) in GENERATIONS {
        let dir = out.join(name);
        fs::create_dir_all(&dir).expect("cargo gives build scripts a folder to write to");
        let mut command = compiler(&vendor);
        command
            .arg(format!("-DRKLLM_GENERATION={number}"))
            .args(&sources)
            .arg("-o")
            .arg(dir.join("librkllmrt.so"))
            .arg("-lm");
        let status = command.status().expect("a C compiler is installed");
        assert!(status.success(), "{command:?} failed, see its output above");
    }
}

/// The compiler for the target, with all flags that do not depend on the generation.
fn compiler(vendor: &Path) -> Command {
    let tool = cc::Build::new()
        .opt_level(1)
        .debug(true)
        .pic(true)
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true)
        .std("c11")
        .define("_GNU_SOURCE", None)
        .include(vendor)
        .flag("-fvisibility=hidden")
        .flag("-pthread")
        .get_compiler();
    let mut command = tool.to_command();
    command.args(["-shared", "-Wl,-soname,librkllmrt.so", "-Wl,-z,defs"]);
    command
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("the sources are part of this crate");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    files.sort();
    files
}

fn variable(name: &str) -> String {
    env::var(name).expect("cargo sets it for build scripts")
}
