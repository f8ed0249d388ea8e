//! From a model's files to a session and what is known of it.

use rkllm::{Capability, Lora, Model, Runtime, Session};
use rkllm_chat::{ChatTemplate, SpecialTokens};

use crate::generate::Tuning;
use crate::registry::Abilities;
use crate::worker::spec::{Facts, ModelSpec, RuntimeChoice};

/// The name under which the adapter of the settings is loaded.
const LORA: &str = "default";

/// What is loaded, as far as other threads may use it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) facts: Facts,
    pub(super) runtime: Runtime,
    /// Tokenizer and template; `None` where there is no tokenizer.
    pub(super) text: Option<TextSide>,
    pub(super) spec: ModelSpec,
    /// What a request changes only if it says so.
    pub(super) sampling: rkllm::Sampling,
    /// The adapter that every answer uses.
    pub(super) lora: Option<String>,
}

/// Conversation to tokens on our side of the runtime.
#[derive(Debug)]
pub(super) struct TextSide {
    pub(super) model: Model,
    pub(super) template: Option<ChatTemplate>,
    pub(super) bos: Option<i32>,
    /// Bytes of the longest text that one token stands for.
    pub(super) longest_piece: usize,
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// A `.rkllm` model without what it needs.
    #[error(
        "{model} is an RKLLM model, which needs Rockchip's runtime library and an NPU: {source}"
    )]
    NoRuntime { model: String, source: rkllm::Error },
    /// The runtime's own refusal.
    #[error(transparent)]
    Runtime(#[from] rkllm::Error),
    /// The model's chat template cannot be used.
    #[error("the chat template of {model} cannot be used: {source}")]
    Template { model: String, source: rkllm_chat::Error },
    /// The adapter cannot be used.
    #[error("cannot use the LoRA adapter {}: {source}; name another one or leave out --lora-model-path", .path.display())]
    Lora { path: std::path::PathBuf, source: rkllm::Error },
    /// The prompt cache cannot be used.
    #[error("cannot use the prompt cache {}: {source}; name another one or leave out --prompt-cache-path", .path.display())]
    PromptCache { path: std::path::PathBuf, source: rkllm::Error },
    /// This build has no embedded runtime.
    #[cfg(not(feature = "cpu"))]
    #[error(
        "{model} is a GGUF model and this program was built without the CPU runtime; build it with feature `cpu` or name a library with --runtime"
    )]
    NoCpu { model: String },
}

/// Loads a model.
pub(super) fn load(spec: ModelSpec) -> Result<(Session, Loaded), LoadError> {
    let name = spec.model.file_name().unwrap_or(spec.model.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let runtime = match &spec.runtime {
        #[cfg(feature = "cpu")]
        RuntimeChoice::Embedded => Runtime::cpu(),
        #[cfg(not(feature = "cpu"))]
        RuntimeChoice::Embedded => return Err(LoadError::NoCpu { model: name }),
        RuntimeChoice::Library(path) => Runtime::open(path)?,
        RuntimeChoice::Version(version) => Runtime::find_version(version)?,
        RuntimeChoice::Search => Runtime::find()
            .map_err(|source| LoadError::NoRuntime { model: name.clone(), source })?,
    };
    let sampling = sampling(&spec.defaults);
    let options = rkllm::Options {
        max_context: spec.context,
        max_new_tokens: count(spec.defaults.max_new_tokens),
        sampling,
        // The mask is ours, not the user's: runtimes without it choose their CPUs themselves.
        cpu_mask: spec.cpu_mask.filter(|_| runtime.supports(Capability::Placement)),
        ..rkllm::Options::default()
    };
    let mut session = runtime.load(&spec.model, &options)?;
    if let Some(adapter) = &spec.lora {
        let path = adapter.path.clone();
        let lora = Lora { path: path.clone(), name: LORA.to_owned(), scale: adapter.scale };
        session.load_lora(&lora).map_err(|source| LoadError::Lora { path, source })?;
    }
    if let Some(path) = &spec.prompt_cache {
        session
            .load_prompt_cache(path)
            .map_err(|source| LoadError::PromptCache { path: path.clone(), source })?;
    }
    let text = match runtime.supports(Capability::Tokenizer) {
        true => Some(text_side(session.model()?, &name)?),
        false => None,
    };
    let context = match &text {
        Some(text) => text.model.info()?.context,
        None => spec.context.unwrap_or(rkllm::DEFAULT_CONTEXT),
    };
    let facts = Facts {
        runtime: runtime.name().to_owned(),
        model: name,
        context,
        abilities: Abilities { completion: true, ..Abilities::default() },
        template: None,
        defaults: spec.defaults.clone(),
    };
    let lora = spec.lora.is_some().then(|| LORA.to_owned());
    Ok((session, Loaded { facts, runtime, text, spec, sampling, lora }))
}

/// A count as the runtime takes it; ranges were checked where the number came in.
pub(super) fn count(count: Option<i64>) -> Option<u32> {
    count.and_then(|count| u32::try_from(count).ok())
}

fn sampling(defaults: &Tuning) -> rkllm::Sampling {
    super::prompt::changed(rkllm::Sampling::default(), defaults)
}

fn text_side(model: Model, name: &str) -> Result<TextSide, LoadError> {
    let info = model.info()?;
    let text_of = |token: Option<i32>| match token {
        Some(token) => model.detokenize(&[token], true).map(Some),
        None => Ok(None),
    };
    let (bos, eos) = (text_of(info.bos)?, text_of(info.eos)?);
    let template = match model.metadata("tokenizer.chat_template")? {
        Some(source) => {
            let special = SpecialTokens { bos, eos, control: model.special_tokens()? };
            let template = ChatTemplate::parse(&source, special);
            Some(
                template
                    .map_err(|source| LoadError::Template { model: name.to_owned(), source })?,
            )
        }
        None => None,
    };
    let bos = info.bos.filter(|_| info.add_bos);
    let longest_piece = longest_piece(&model, info.vocab_size)?;
    Ok(TextSide { model, template, bos, longest_piece })
}

fn longest_piece(model: &Model, vocab_size: u32) -> Result<usize, rkllm::Error> {
    let mut longest = 0;
    for token in 0..i32::try_from(vocab_size).unwrap_or(i32::MAX) {
        longest = longest.max(model.detokenize(&[token], true)?.len());
    }
    // Some tokenizers leave out the space that a text begins with.
    Ok(longest + 1)
}
