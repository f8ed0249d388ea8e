//! The server does what its description says.

use std::path::Path;
use std::process::Command;

use rkllm_fake::Script;
use serde_json::{Value, json};

use crate::server::Server;

/// Reads a description and tries every operation of it: with what it allows and with what it does not.
const FUZZER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/bin/schemathesis");
/// Requests to each operation, beside those that are worked out from its schema alone.
const EXAMPLES: &str = "12";
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
     response_headers_conformance,response_schema_conformance,unsupported_method,\
     allow_header_conformance,missing_required_header,negative_data_rejection";

async fn described(server: &Server) -> Value {
    let url = format!("{}/openapi.json", server.url());
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

/// Has the description say which models there are, so that not every request is for one that is not.
fn name_models(value: &mut Value, model: &str) {
    match value {
        Value::Object(fields) => {
            let named = |value: &Value| value == "name" || value == "id";
            if fields.get("in") == Some(&json!("path")) && fields.get("name").is_some_and(named) {
                fields["schema"] = json!({"enum": [model, "no-such-model"]});
            }
            if let Some(field) = fields.get_mut("properties").and_then(|all| all.get_mut("model")) {
                // Answers have it as well, as an object or a text.
                if field.get("type") == Some(&json!(["string", "null"])) {
                    *field = json!({"enum": [model, null]});
                }
            }
            if let Some(name) = fields.get_mut("ModelName") {
                *name = json!({"enum": [model]});
            }
            fields.values_mut().for_each(|value| name_models(value, model));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| name_models(value, model)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_answers_as_described() {
    assert!(Path::new(FUZZER).exists(), "{FUZZER} is missing: run `make python`");
    let script = Script::new();
    // JSON, because a model that says something else where it has to be JSON is an error 500.
    script.set("REPLY", "{}");
    let server = Server::scripted(&script, &[]);
    let models = server.client().models().await.unwrap().models;
    let mut document = described(&server).await;
    name_models(&mut document, &models[0].name);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("openapi.json"), document.to_string()).unwrap();
    // Proxies and settings of the machine are not for the server at hand, nor is a slow machine a fault.
    let output = Command::new(FUZZER)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .args(["run", "openapi.json", "--url", &server.url(), "--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES])
        .args(["--generation-deterministic", "--no-shrink", "--request-timeout", "60"])
        // A model cannot take U+0000, which no schema can say.
        .args(["--generation-allow-x00", "false", "--continue-on-failure", "--no-color"])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let trouble = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{trouble}");
}

#[tokio::test]
async fn the_page_is_there() {
    let server = Server::scripted(&Script::new(), &[]);
    let page = reqwest::get(format!("{}/docs", server.url())).await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}
