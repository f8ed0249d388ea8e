//! Loading, and what is refused.

use std::fs;

use rkllm::{Capability, Error, Lora, Options, Runtime, Sampling};

use super::{model_path, session};

#[test]
fn the_embedded_runtime_can_do_everything() {
    let runtime = Runtime::cpu();
    assert_eq!(runtime.capabilities().count(), Capability::ALL.len());
    assert_eq!(runtime.path(), None);
    assert_eq!(runtime.version().to_string(), "1.3.0");
}

#[test]
fn a_session_outlives_its_runtime_value() {
    let runtime = Runtime::cpu();
    let options = Options { cpu_mask: Some(1), ..Options::default() };
    let mut session = runtime.load(model_path(), &options).unwrap();
    drop(runtime);
    assert!(session.generate("Hi").unwrap().next().unwrap().is_ok());
}

#[test]
fn two_sessions_run_side_by_side() {
    let (mut one, mut two) = (session(), session());
    std::thread::scope(|scope| {
        for session in [&mut one, &mut two] {
            scope.spawn(|| assert!(session.generate("Hi").unwrap().all(|token| token.is_ok())));
        }
    });
}

#[test]
fn models_that_cannot_be_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &std::path::Path| Runtime::cpu().load(path, &Options::default());
    for (name, content) in [("empty", &b""[..]), ("text", b"Dear Sir"), ("magic", b"GGUF")] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let refused = load(&path).unwrap_err();
        assert!(matches!(refused, Error::Init { .. }), "{refused}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
    let said = load(&folder.path().join("text")).unwrap_err().to_string();
    assert!(said.contains("not a GGUF"), "the reason is part of the error: {said}");
    assert!(matches!(load(folder.path()), Err(Error::Init { .. })));
    assert!(matches!(load(&folder.path().join("nowhere")), Err(Error::Init { .. })));
}

#[test]
fn options_out_of_range_never_reach_the_runtime() {
    let sampling = Sampling { temperature: f32::NAN, ..Sampling::default() };
    let options = Options { sampling, ..Options::default() };
    let refused = Runtime::cpu().load(model_path(), &options).unwrap_err();
    assert!(matches!(refused, Error::Option { name: "temperature", .. }), "{refused}");
    let options = Options { max_context: Some(1_000_000), ..Options::default() };
    let refused = Runtime::cpu().load(model_path(), &options).unwrap_err();
    assert!(matches!(refused, Error::Init { .. }), "{refused}");
}

#[test]
fn libraries_that_are_no_runtimes() {
    let own = std::env::current_exe().unwrap();
    assert!(matches!(Runtime::open(own), Err(Error::Inspect(_))));
    assert!(matches!(Runtime::open("/nonexistent"), Err(Error::Inspect(_))));
}

#[test]
fn adapters_and_caches_that_cannot_be_loaded_say_why() {
    let lora = Lora { path: "x.gguf".into(), name: "x".into(), scale: 1.0 };
    let refused = session().load_lora(&lora).unwrap_err();
    assert!(matches!(refused, Error::Call { function: "rkllm_load_lora", .. }), "{refused}");
    assert!(refused.to_string().contains("does not exist"), "{refused}");
    let refused = session().load_prompt_cache("x.bin").unwrap_err();
    assert_eq!(refused.to_string(), "prompt cache file 'x.bin' does not exist");
}

#[test]
fn chat_template_texts_with_nul_are_refused() {
    let refused = session().set_chat_template("a\0", "", "").unwrap_err();
    assert!(matches!(refused, Error::Nul { what: "the system prompt" }), "{refused}");
    session().set_chat_template("", "Q: ", "\nA:").unwrap();
}
