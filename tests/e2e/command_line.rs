//! Starts that fail: one sentence on stderr, exit code 1; 2 for flags that do not exist.

use std::fs;

use crate::server::{Server, model, run_to_end, shared};

/// The last line of stderr, which is what the user reads.
fn refused(flags: &[&str]) -> String {
    let (status, stderr) = run_to_end(flags, &[]);
    assert_eq!(status.code(), Some(1), "{stderr}");
    let last = stderr.lines().last().expect("it says why").to_owned();
    assert!(last.starts_with("error: "), "{stderr}");
    last
}

#[test]
fn the_greeting_says_what_runs_where_and_how_to_try_it() {
    let server = shared();
    let greeting = server.greeting.replace(&server.address, "ADDRESS");
    insta::assert_snapshot!(greeting, @r#"
    rkllm-server 0.1.0
    runtime  embedded CPU runtime 0.1.0
    model    SmolLM2-135M-Instruct.Q4_1.gguf
    context  4096 tokens
    address  http://ADDRESS

    Try it:
      curl http://ADDRESS/chat -d '{"temperature": 0, "repeat_penalty": 1, "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "What is the capital of France?"}]}'
    "#);
}

#[tokio::test]
async fn what_the_greeting_suggests_gives_a_right_answer() {
    let server = shared();
    let (_, body) = server.greeting.split_once("-d '").unwrap();
    let body = body.trim_end().trim_end_matches('\'').to_owned();
    let url = format!("{}/chat", server.url());
    let response = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    let answer: serde_json::Value = response.json().await.unwrap();
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(content.contains("Paris"), "{content}");
}

#[test]
fn files_that_are_no_models() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let refused = |path: &str| refused(&["--model", path, "--port", "0"]);
    assert!(refused("/nonexistent.gguf").contains("cannot read the model /nonexistent.gguf"));
    assert!(refused(folder.path().to_str().unwrap()).contains("is a folder"));
    assert!(refused(&file("empty.gguf", b"")).contains("is empty"));
    assert!(refused(&file("letter.txt", b"Dear Sir")).contains("neither a .rkllm nor a GGUF"));
    assert!(refused(&file("fake.gguf", b"GGUF and nothing else")).contains("fake.gguf"));
    let whole = fs::read(model()).unwrap();
    assert!(refused(&file("half.gguf", &whole[..whole.len() / 2])).contains("half.gguf"));
    let rkllm = file("board.rkllm", b"RKLLM");
    let said = refused(&rkllm);
    assert!(said.contains("needs Rockchip's runtime library and an NPU"), "{said}");
    assert!(said.contains("librkllmrt.so"), "{said}");
}

#[test]
fn files_that_are_no_runtimes() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    fs::write(&text, "not a library").unwrap();
    let model = model();
    let with = |library: &str| {
        refused(&["--model", model.to_str().unwrap(), "--runtime", library, "--port", "0"])
    };
    let said = with(text.to_str().unwrap());
    assert!(said.contains("text.so") && said.contains("ELF"), "{said}");
    // A library, but no runtime.
    let said = with(env!("CARGO_BIN_EXE_rkllm-server"));
    assert!(said.contains("RKLLM"), "{said}");
    assert!(with("/nonexistent.so").contains("/nonexistent.so"));
}

#[test]
fn files_that_are_no_adapters_and_no_prompt_caches() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    fs::write(&file, "Dear Sir").unwrap();
    let model = model();
    for flag in ["--lora-model-path", "--prompt-cache-path"] {
        let file = file.to_str().unwrap();
        let said = refused(&["--model", model.to_str().unwrap(), flag, file, "--port", "0"]);
        assert!(said.contains(file) && said.contains(flag), "{said}");
    }
}

#[test]
fn an_address_of_another_machine() {
    // Reserved for documentation, so nobody's.
    let said = refused(&["--model", model().to_str().unwrap(), "--host", "192.0.2.1"]);
    assert!(said.contains("192.0.2.1") && said.contains("--host 0.0.0.0"), "{said}");
}

#[test]
fn a_port_in_use() {
    let server = shared();
    let port = server.address.rsplit_once(':').unwrap().1;
    let said = refused(&["--model", model().to_str().unwrap(), "--port", port]);
    assert!(said.contains(&server.address) && said.contains("--port"), "{said}");
}

#[test]
fn flags_that_do_not_exist_or_make_no_sense() {
    let (status, stderr) = run_to_end(&["--modle", "x"], &[]);
    assert_eq!(status.code(), Some(2));
    assert!(stderr.contains("--modle"), "{stderr}");
    let model = model();
    let model = model.to_str().unwrap();
    assert!(refused(&["--model", model, "--temperature", "9"]).contains("--temperature is 9.0"));
    let said = refused(&["--model", model, "--context-length", "999999", "--port", "0"]);
    assert!(said.contains(model), "{said}");
}

#[test]
fn flags_and_environment_of_the_demo_work() {
    let model = model();
    let model = model.to_str().unwrap();
    let flags = ["--rkllm_model_path", model, "--target_platform", "cpu"];
    let server = Server::start_with(
        &flags,
        &[
            ("RKLLM_CONTEXT_LENGTH", "512"),
            // For .rkllm models only.
            ("RKLLM_LIB", "/nonexistent.so"),
            // Empty is unset.
            ("RKLLM_HOST", ""),
            ("RKLLM_TEMPERATURE", ""),
            ("RKLLM_LORA_MODEL_PATH", ""),
        ],
    );
    assert!(server.greeting.contains("context  512 tokens"), "{}", server.greeting);
}
