//! LoRA adapters.

use std::ffi::{CString, c_int};
use std::path::Path;

use rkllm_cpu::api;
use rkllm_sys::v1_3::RKLLMLoraAdapter;

use crate::support::{Ask, Handle, Ran, prompt};

const WIDTH: usize = 576;

/// Writes an adapter in GGUF that adds an outer product to the output of the first layer.
fn write_adapter(path: &Path, architecture: &str) {
    let mut file = Vec::new();
    let text = |file: &mut Vec<u8>, text: &str| {
        file.extend_from_slice(&(text.len() as u64).to_le_bytes());
        file.extend_from_slice(text.as_bytes());
    };
    file.extend_from_slice(b"GGUF");
    file.extend_from_slice(&3_u32.to_le_bytes());
    file.extend_from_slice(&2_u64.to_le_bytes());
    file.extend_from_slice(&4_u64.to_le_bytes());
    for (key, value) in [
        ("general.type", "adapter"),
        ("general.architecture", architecture),
        ("adapter.type", "lora"),
    ] {
        text(&mut file, key);
        file.extend_from_slice(&8_u32.to_le_bytes());
        text(&mut file, value);
    }
    text(&mut file, "adapter.lora.alpha");
    file.extend_from_slice(&6_u32.to_le_bytes());
    file.extend_from_slice(&1_f32.to_le_bytes());
    let shapes = [("a", [WIDTH, 1]), ("b", [1, WIDTH])];
    for (index, (name, shape)) in shapes.iter().enumerate() {
        text(&mut file, &format!("blk.0.attn_output.weight.lora_{name}"));
        file.extend_from_slice(&2_u32.to_le_bytes());
        for size in shape {
            file.extend_from_slice(&(*size as u64).to_le_bytes());
        }
        file.extend_from_slice(&0_u32.to_le_bytes());
        file.extend_from_slice(&((index * WIDTH * 4) as u64).to_le_bytes());
    }
    file.resize(file.len().next_multiple_of(32), 0);
    for index in 0..2 * WIDTH {
        let number = if index % 2 == 0 { 0.5_f32 } else { -0.5 };
        file.extend_from_slice(&number.to_le_bytes());
    }
    std::fs::write(path, file).expect("a file");
}

fn load(handle: &Handle, path: &str, (name, scale): (&str, f32)) -> c_int {
    let (path, name) = (CString::new(path).expect("no NUL"), CString::new(name).expect("no NUL"));
    let mut adapter = RKLLMLoraAdapter {
        lora_adapter_path: path.as_ptr(),
        lora_adapter_name: name.as_ptr(),
        scale,
    };
    // SAFETY: the struct and its texts are valid during the call.
    unsafe { (api().load_lora)(handle.raw().0, &raw mut adapter) }
}

#[test]
fn runs_choose_among_adapters() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("adapter.gguf");
    write_adapter(&path, "llama");
    let path = path.to_string_lossy();
    let handle = Handle::new();
    let run = |lora: Option<&'static str>| -> Ran {
        handle.run(&Ask { lora, ..prompt("What is the capital of France?").most(8) })
    };
    let plain = run(None).tokens();
    assert_eq!(load(&handle, &path, ("none", 0.0)), 0);
    assert_eq!(load(&handle, &path, ("much", 20.0)), 0);
    assert_eq!(load(&handle, &path, ("less", 3.0)), 0);
    assert_eq!(run(None).tokens(), plain, "loaded is not chosen");
    let nothing = run(Some("none"));
    assert_eq!(nothing.tokens(), plain);
    assert!(nothing.finish().prefill_tokens > 20, "another adapter, another cache");
    let (much, less) = (run(Some("much")).tokens(), run(Some("less")).tokens());
    assert_ne!(much, plain);
    assert_ne!(much, less);
    assert_eq!(run(Some("much")).tokens(), much);
    assert_eq!(run(Some("much")).finish().prefill_tokens, 1, "the same adapter, the same cache");
    assert_eq!(run(None).tokens(), plain);
}

#[test]
fn adapters_that_are_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let handle = Handle::new();
    write_adapter(Path::new(&file("good.gguf")), "llama");
    write_adapter(Path::new(&file("other.gguf")), "gemma3");
    std::fs::write(file("text.gguf"), "I am no adapter").expect("a file");
    assert_eq!(load(&handle, &file("missing.gguf"), ("a", 1.0)), -1);
    assert_eq!(load(&handle, &file("text.gguf"), ("a", 1.0)), -1);
    assert_eq!(load(&handle, &file("other.gguf"), ("a", 1.0)), -1);
    assert_eq!(load(&handle, &crate::support::model_path().to_string_lossy(), ("a", 1.0)), -1);
    assert_eq!(load(&handle, &file("good.gguf"), ("a", f32::NAN)), -1);
    assert_eq!(load(&handle, &file("good.gguf"), ("a", 1.0)), 0, "the name is still free");
    assert_eq!(load(&handle, &file("good.gguf"), ("a", 1.0)), -1, "now it is not");
    let ran = handle.run(&Ask { lora: Some("b"), ..prompt("Hello.") });
    assert_eq!((ran.code, ran.events.len()), (-1, 0));
}
