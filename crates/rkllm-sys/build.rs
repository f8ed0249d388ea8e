//! With the feature `link`: tells the linker where `librkllmrt.so` is. Otherwise does nothing.

use std::process::ExitCode;
use std::{env, fs};

const VARIABLE: &str = "RKLLM_LIB_DIR";
const LIBRARY: &str = "librkllmrt.so";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    // Documentation is built on machines that have no such library, and links nothing.
    if env::var_os("CARGO_FEATURE_LINK").is_none() || env::var_os("DOCS_RS").is_some() {
        return ExitCode::SUCCESS;
    }
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    match link() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("cargo::error={fault}");
            ExitCode::FAILURE
        }
    }
}

fn link() -> Result<(), String> {
    let dir = env::var(VARIABLE).map_err(|_| {
        format!(
            "the feature `link` of rkllm-sys needs {LIBRARY}: set {VARIABLE} to the folder that \
             has it, or turn the feature off and load the library at run time"
        )
    })?;
    let dir = fs::canonicalize(&dir)
        .map_err(|error| format!("{VARIABLE} is `{dir}`, which cannot be read: {error}"))?;
    let library = dir.join(LIBRARY);
    if !library.is_file() {
        return Err(format!(
            "{VARIABLE} is `{}`, which has no {LIBRARY}: set it to the folder that has it",
            dir.display()
        ));
    }
    println!("cargo::rerun-if-changed={}", library.display());
    println!("cargo::rustc-link-search=native={}", dir.display());
    println!("cargo::rustc-link-lib=dylib=rkllmrt");
    Ok(())
}
