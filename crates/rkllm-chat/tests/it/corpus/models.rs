//! The templates of the corpus and what their models are known to expect.

use std::fs;
use std::path::Path;

use rkllm_chat::{ChatTemplate, SpecialTokens};

/// Tokens that texts may spell out, of all models at once. Tags around reasoning are not among
/// them: templates look for them in texts.
const CONTROL: [&str; 10] = [
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "<start_of_turn>",
    "[INST]",
    "[/INST]",
    "<｜User｜>",
    "<|end|>",
    "<|user|>",
];

/// Models whose templates write arguments as text that is given to them.
const STRING_ARGUMENTS: [&str; 2] = ["deepseek_r1", "deepseek_v3"];

/// Models whose templates know calls by the absence of content.
const NO_CONTENT: [&str; 1] = ["deepseek_r1"];

/// Models whose templates know the content of messages as a list of parts only.
const PARTS: [&str; 1] = ["smolvlm"];

/// Models whose templates call reasoning `thinking`.
const THINKING: [&str; 1] = ["gpt_oss"];

/// A template of the corpus.
pub(super) struct Model {
    pub(super) name: String,
    pub(super) source: String,
}

impl Model {
    pub(super) fn template(&self) -> ChatTemplate {
        ChatTemplate::parse(&self.source, self.special())
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(super) fn special(&self) -> SpecialTokens {
        SpecialTokens {
            bos: Some(self.bos().to_owned()),
            eos: Some(self.eos().to_owned()),
            control: CONTROL.map(str::to_owned).to_vec(),
        }
    }

    pub(super) fn bos(&self) -> &'static str {
        "<s>"
    }

    pub(super) fn eos(&self) -> &'static str {
        "</s>"
    }

    pub(super) fn string_arguments(&self) -> bool {
        STRING_ARGUMENTS.contains(&self.name.as_str())
    }

    pub(super) fn no_content(&self) -> bool {
        NO_CONTENT.contains(&self.name.as_str())
    }

    pub(super) fn thinking(&self) -> bool {
        THINKING.contains(&self.name.as_str())
    }

    pub(super) fn parts(&self) -> bool {
        PARTS.contains(&self.name.as_str())
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/templates"))
}

/// One template by its name.
pub(super) fn model(name: &str) -> Model {
    let path = folder().join(name).with_extension("jinja");
    let source = fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()));
    Model { name: name.to_owned(), source }
}

/// All templates, by name.
pub(super) fn models() -> Vec<Model> {
    let files = fs::read_dir(folder()).unwrap();
    let name = |file: fs::DirEntry| file.path().file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = files.map(|file| name(file.unwrap())).collect();
    names.sort();
    names.iter().map(|name| model(name)).collect()
}
