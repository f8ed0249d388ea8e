//! A scripted model with files of its own: the server renders conversations and tokenizes them
//! itself, and the model calls functions in the way of Hermes.

use std::fs;
use std::path::Path;

use rkllm_fake::Script;
use serde_json::{Map, json};

/// Token of byte 0. All tokens have three digits, so a run of them is found only where it is meant.
const FIRST: u32 = 100;
/// The token, of those that the scripted runtime gives, that begins a call.
pub(crate) const CALL: u32 = 1003;

/// Written the way of Hermes.
const TEMPLATE: &str = "../rkllm-chat/tests/corpus/templates/qwen2_5.jinja";

/// Puts tokenizer and chat template beside the model.
pub(crate) fn add_files(script: &Script) {
    let folder = script.model().parent().expect("a file is in a folder");
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join(TEMPLATE);
    fs::copy(template, folder.join("chat_template.jinja")).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer()).unwrap();
    fs::write(folder.join("config.json"), r#"{"architectures": ["Qwen2ForCausalLM"]}"#).unwrap();
}

/// A text as the scripted runtime sees it in a prompt: the numbers of its tokens.
pub(crate) fn tokens(text: &str) -> String {
    let tokens = text.bytes().map(|byte| (FIRST + u32::from(byte)).to_string());
    tokens.collect::<Vec<_>>().join(" ")
}

/// A tokenizer with a token for each byte and the marks of turns.
fn tokenizer() -> String {
    let marks = (FIRST + 256..).zip(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]);
    let marks = marks.chain([(CALL, "<|tool_call|>")]);
    let names = marks.clone().map(|(id, name)| (name.to_owned(), id.into()));
    // Marks that stand here keep their numbers.
    let tokens = (FIRST..).zip(byte_names()).map(|(id, name)| (name.to_string(), id.into()));
    let vocabulary: Map<_, _> = tokens.chain(names).collect();
    let marks = marks.map(|(id, content)| {
        json!({
            "id": id, "content": content, "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        })
    });
    let bytes = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
    });
    let tokenizer = json!({
        "version": "1.0",
        "added_tokens": marks.collect::<Vec<_>>(),
        "pre_tokenizer": bytes,
        "decoder": bytes,
        "model": { "type": "BPE", "vocab": vocabulary, "merges": [] },
    });
    tokenizer.to_string()
}

/// How such tokenizers write each byte: itself where it is a visible character of Latin-1, else the
/// next one of the characters from U+0100 on.
fn byte_names() -> Vec<char> {
    let mut invisible = '\u{100}'..;
    let name = |byte: u8| match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => invisible.next().expect("there are enough"),
    };
    (0..=255).map(name).collect()
}
