//! What people use: the SDKs of OpenAI, Ollama and Anthropic, LangChain, and Vercel's AI SDK, by the
//! scripts in `tests/clients`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rkllm_fake::Script;

use crate::hermes;
use crate::server::{Server, model};

const SCRIPTS: [&str; 6] = [
    "check_openai.py",
    "check_ollama.py",
    "check_anthropic.py",
    "check_langchain.py",
    "check_openai.cjs",
    "check_ai_sdk.cjs",
];

/// Where the names of the server's files lead from.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A program that `make` provides.
fn provided(path: &str, target: &str) -> PathBuf {
    let path = Path::new(ROOT).join("target").join(path);
    assert!(path.exists(), "no {}: run `make {target}`", path.display());
    path
}

/// Runs all scripts against a server. With `calls`, its model calls functions by itself.
fn run_all(server: &Server, model: &str, calls: bool) {
    let python = provided("python/bin/python", "python");
    let modules = provided("node/node_modules", "node");
    let mut failed = Vec::new();
    for script in SCRIPTS {
        let program = if script.ends_with(".py") { python.as_os_str() } else { OsStr::new("node") };
        let mut command = Command::new(program);
        command.arg(Path::new(ROOT).join("tests/clients").join(script));
        command.args([&server.url(), model]).args(calls.then_some("calls"));
        // Proxies and keys of the machine are not for the server at hand.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("NODE_PATH", &modules);
        let output = command.output().unwrap_or_else(|error| {
            panic!("{} does not start: {error}; run `make setup`", program.display())
        });
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            failed.push(format!("{script}: {}", String::from_utf8_lossy(&said)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_client_works_with_the_real_model() {
    // The same answers each time, which come to an end by themselves.
    let flags = ["--temperature", "0", "--repeat-penalty", "1.05", "--context-length", "2048"];
    let server = Server::start(&flags, &[]);
    let file = model();
    run_all(&server, file.file_stem().and_then(OsStr::to_str).expect("a UTF-8 name"), false);
}

/// What the scripted model says to prompts that contain a text; `|` is where its tokens end.
fn replies() -> [(&'static str, String); 5] {
    let call = |name: &str, arguments: &str| {
        let call = format!(r#"{{"name": "{name}", |"arguments": {arguments}}}"#);
        format!("<tool|_call>\n{call}\n|</tool_call>")
    };
    let person = r#"{"name": |"Ann", "age"|: 31}"#;
    [
        ("21 degrees", "It is 21 |degrees| in Paris.".to_owned()),
        ("\"get_weather\"", call("get_weather", r#"{"city": |"Paris"}"#)),
        ("\"person\"", call("person", person)),
        ("Invent a person.", person.to_owned()),
        ("Count from 1 to 1000", "1|".repeat(1 << 14)),
    ]
}

#[test]
fn every_client_has_its_functions_called_and_their_results_used() {
    let script = Script::new();
    hermes::add_files(&script);
    script.set("REPLY", "Hello|, nice| to meet| you|.").set("REPLY_SEPARATOR", "|");
    for (number, (when, reply)) in (1..).zip(replies()) {
        script.set(&format!("WHEN_{number}"), hermes::tokens(when));
        script.set(&format!("REPLY_{number}"), reply);
    }
    // The longest answer, if nobody ended it, would take longer than any client waits.
    script.set("TOKEN_US", 5_000);
    let server = Server::scripted(&script, &["--context-length", "16384"]);
    run_all(&server, "model", true);
    assert_eq!(script.misuse(), [""; 0]);
}
