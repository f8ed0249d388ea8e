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
    let mut code = format!("#include \"{}\"\n{PRELUDE}", header["header"].as_str().unwrap());
    for (name, value) in header["constants"].as_object().unwrap() {
        writeln!(code, "CHECK((int){name} == {value});").unwrap();
    }
    let has = |target: &&Value| {
        target["architectures"].as_array().unwrap().contains(&architecture.into())
    };
    let target = header["targets"].as_array().unwrap().iter().find(has).unwrap();
    for (name, facts) in target["structs"].as_object().unwrap() {
        let (size, align) = (&facts["size"], &facts["align"]);
        writeln!(code, "CHECK(sizeof({name}) == {size} && alignof({name}) == {align});").unwrap();
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
    let mut words = compiler.split(' ').chain(["-x"]).chain(language.split(' '));
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"]);
    command.arg(workspace::root().join("vendor")).arg("-");
    let child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        child => child.unwrap(),
    };
    child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap())
}

/// Compiles every header in a language and says whether the compiler is installed.
fn check(architecture: &str, compiler: &str, language: &str) -> bool {
    for (name, header) in layout() {
        let Some(output) = compile(compiler, language, &program(&header, architecture)) else {
            println!("skipped: {compiler} is not installed");
            return false;
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} by {compiler} as {language}:\n{errors}");
    }
    true
}

/// Checks another architecture with its own compilers and with clang, as far as they are there.
fn check_other(architecture: &str, triple: &str) {
    // Without the other system's C library, clang has at least the headers that need none.
    let clang = format!("clang --target={triple} -ffreestanding");
    for (gnu, language) in [("gcc", C), ("g++", CXX)] {
        check(architecture, &format!("{triple}-{gnu}"), language);
        check(architecture, &clang, language);
    }
}

const C: &str = "c -std=c11";
const CXX: &str = "c++ -std=c++11";

#[test]
fn headers_have_the_layout_of_this_machine() {
    for (compiler, language) in [("cc", C), ("c++", CXX)] {
        assert!(check(std::env::consts::ARCH, compiler, language), "install `{compiler}`");
    }
}

#[test]
fn headers_have_the_layout_of_aarch64() {
    check_other("aarch64", "aarch64-linux-gnu");
}

#[test]
fn headers_have_the_layout_of_armhf() {
    check_other("arm", "arm-linux-gnueabihf");
}

#[test]
fn a_wrong_number_does_not_compile() {
    let code = program(&layout()["1.3"], std::env::consts::ARCH);
    let wrong = code.replace(
        "offsetof(RKLLMInput, prompt_input) == ",
        "offsetof(RKLLMInput, prompt_input) == 1",
    );
    assert_ne!(code, wrong);
    let output = compile("cc", C, &wrong).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("prompt_input"));
}
