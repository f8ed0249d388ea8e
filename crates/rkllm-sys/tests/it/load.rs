//! A library that is compiled on the spot, inspected and loaded.

use std::path::Path;
use std::process::Command;

use libloading::Library;
use rkllm_sys::{Generation, MissingSymbol, ext, inspect, v1_1, v1_2_0, v1_2_1, v1_3};

/// Compiles a library in which each symbol is a function that returns its index.
fn compile(dir: &Path, symbols: &[&str]) -> Library {
    let banner = "RKLLM SDK (version: 1.3.0 | target: Linux | build: test)";
    let mut code = format!("const char rkllm_banner[] = \"{banner}\";\n");
    for (index, symbol) in symbols.iter().enumerate() {
        code.push_str(&format!("int {symbol}(void) {{ return {index}; }}\n"));
    }
    let (source, path) = (dir.join("runtime.c"), dir.join("librkllmrt.so"));
    std::fs::write(&source, code).unwrap();
    let compiler = std::env::var("CC").unwrap_or("cc".to_owned());
    let mut cc = Command::new(compiler);
    let status = cc.args(["-shared", "-fPIC", "-o"]).arg(&path).arg(&source).status();
    assert!(status.expect("a C compiler is installed as `cc`, or named by `CC`").success());

    let found = inspect(&path).unwrap();
    assert_eq!((found.target.as_str(), found.build.as_str()), ("Linux", "test"));
    assert_eq!(Generation::of(&found.version), Ok(Generation::V1_3));
    // SAFETY: the library is the one written above and has no initialisers.
    unsafe { Library::new(&path) }.unwrap()
}

#[test]
fn each_field_is_the_function_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let symbols = v1_3::Api::SYMBOLS;
    let library = compile(dir.path(), symbols);
    // SAFETY: the library has every symbol; only functions that take a handle and return an
    // integer are called below, which the compiled ones may be called as.
    let api = unsafe { v1_3::Api::load(&library) }.unwrap();
    for (function, name) in [
        (api.abort, "rkllm_abort"),
        (api.destroy, "rkllm_destroy"),
        (api.is_running, "rkllm_is_running"),
        (api.release_prompt_cache, "rkllm_release_prompt_cache"),
    ] {
        // SAFETY: as above; the handle is not looked at.
        let index = unsafe { function(std::ptr::null_mut()) };
        assert_eq!(symbols[index as usize], name);
    }
}

#[test]
fn a_missing_symbol_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let library = compile(dir.path(), v1_1::Api::SYMBOLS);
    // SAFETY: nothing of the tables is called.
    let (oldest, others) = unsafe {
        let others = [
            v1_2_0::Api::load(&library).map(drop),
            v1_2_1::Api::load(&library).map(drop),
            ext::Api::load(&library).map(drop),
        ];
        (v1_1::Api::load(&library), others)
    };
    assert!(oldest.is_ok());
    let symbols = ["rkllm_clear_kv_cache", "rkllm_clear_kv_cache", "rkllm_ext_tokenize"];
    assert_eq!(others, symbols.map(|symbol| Err(MissingSymbol { symbol })));
}
