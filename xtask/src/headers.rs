//! Tests that compile the C headers in `vendor/` and hold them against `layout.json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::workspace;

/// Assertions that C and C++ spell differently.
const PRELUDE: &str = "
#ifdef __cplusplus
#define CHECK(fact) static_assert(fact, #fact)
#else
#define CHECK(fact) _Static_assert(fact, #fact)
#define alignof _Alignof
#endif
";

fn layout() -> BTreeMap<String, Value> {
    let path = workspace::root().join("crates/rkllm-sys/tests/layout.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A program that compiles only if a header has the numbers of `architecture`.
fn program(header: &Value, architecture: &str) -> String {
    let mut code = format!(
        "#include \"{}\"\n{PRELUDE}",
        header["header"].as_str().unwrap()
    );
    for (name, value) in header["constants"].as_object().unwrap() {
        writeln!(code, "CHECK((int){name} == {value});").unwrap();
    }
    let has = |target: &&Value| {
        target["architectures"]
            .as_array()
            .unwrap()
            .contains(&architecture.into())
    };
    let target = header["targets"]
        .as_array()
        .unwrap()
        .iter()
        .find(has)
        .unwrap();
    for (name, facts) in target["structs"].as_object().unwrap() {
        let (size, align) = (&facts["size"], &facts["align"]);
        writeln!(
            code,
            "CHECK(sizeof({name}) == {size} && alignof({name}) == {align});"
        )
        .unwrap();
        for (field, facts) in facts["fields"].as_object().unwrap() {
            let (offset, size) = (&facts[0], &facts[1]);
            writeln!(code, "CHECK(offsetof({name}, {field}) == {offset});").unwrap();
            writeln!(code, "CHECK(sizeof((({name} *)0)->{field}) == {size});").unwrap();
        }
    }
    code
}

/// Lets a compiler check a program; `None` if the compiler is not installed.
fn compile(compiler: &str, language: &str, code: &str) -> Option<Output> {
    let (name, standard) = language.split_once(' ').unwrap();
    let mut command = Command::new(compiler);
    command.args([
        "-x",
        name,
        standard,
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsyntax-only",
        "-I",
    ]);
    command.arg(workspace::root().join("vendor")).arg("-");
    let child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        child => child.unwrap(),
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(code.as_bytes())
        .unwrap();
    Some(child.wait_with_output().unwrap())
}

/// Compiles every header as C and as C++. Compilers other than the machine's own may be missing.
fn check(architecture: &str, prefix: &str) {
    let own = prefix.is_empty();
    let compilers = if own { ["cc", "c++"] } else { ["gcc", "g++"] };
    for (compiler, language) in compilers.into_iter().zip(["c -std=c11", "c++ -std=c++11"]) {
        let compiler = format!("{prefix}{compiler}");
        for (name, header) in layout() {
            match compile(&compiler, language, &program(&header, architecture)) {
                Some(output) => {
                    let errors = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{name} by {compiler}:\n{errors}");
                }
                None if own => panic!("install a C and C++ compiler: no `{compiler}`"),
                None => return println!("skipped: {compiler} is not installed"),
            }
        }
    }
}

#[test]
fn headers_have_the_layout_of_this_machine() {
    check(std::env::consts::ARCH, "");
}

#[test]
fn headers_have_the_layout_of_aarch64() {
    check("aarch64", "aarch64-linux-gnu-");
}

#[test]
fn headers_have_the_layout_of_armhf() {
    check("arm", "arm-linux-gnueabihf-");
}

#[test]
fn a_wrong_number_does_not_compile() {
    let code = program(&layout()["1.3"], std::env::consts::ARCH);
    let wrong = code.replace(
        "offsetof(RKLLMInput, prompt_input) == ",
        "offsetof(RKLLMInput, prompt_input) == 1",
    );
    assert_ne!(code, wrong);
    let output = compile("cc", "c -std=c11", &wrong).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("prompt_input"));
}
