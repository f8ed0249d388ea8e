//! From a model's files to a session and what is known of it.

use rkllm::{Capability, Lora, Runtime, Session};
use rkllm_chat::{ModelFolder, SamplingDefaults};

use super::limits::limits;
use super::text::TextSide;
use super::vocabulary::Vocabulary;
use crate::generate::{Tuning, temperature};
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
    /// What the files of the model's folder say.
    pub(super) folder: Option<ModelFolder>,
    /// What a request changes only if it says so.
    pub(super) defaults: Tuning,
    pub(super) sampling: rkllm::Sampling,
    /// The adapter that every answer uses.
    pub(super) lora: Option<String>,
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
    /// A file of the model's folder cannot be used.
    #[error(transparent)]
    Folder(#[from] rkllm_chat::Error),
    /// A setting has no meaning.
    #[error("the settings of {model} cannot be used: {source}")]
    Settings { model: String, source: rkllm_chat::Error },
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
    let folder = spec.prompting.folder.as_deref().map(ModelFolder::read).transpose()?;
    let makers = folder.as_ref().map(|folder| tuning(folder.sampling)).unwrap_or_default();
    let defaults = spec.defaults.clone().over(makers);
    let sampling = changed(rkllm::Sampling::default(), &defaults);
    let options = rkllm::Options {
        max_context: spec.context,
        max_new_tokens: count(defaults.max_new_tokens),
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
    let text = TextSide::of(&session, &runtime, &spec, folder.as_ref())?;
    let context = match text.as_ref().map(|text| &text.vocabulary) {
        Some(Vocabulary::Runtime(model)) => model.info()?.context,
        _ => spec.context.unwrap_or(rkllm::DEFAULT_CONTEXT),
    };
    let facts = Facts {
        runtime: runtime.name().to_owned(),
        model: name,
        context,
        abilities: abilities(text.as_ref()),
        limits: limits(&runtime, text.as_ref()),
        template: text.as_ref().and_then(|text| text.source.clone()),
        defaults: defaults.clone(),
    };
    let lora = spec.lora.is_some().then(|| LORA.to_owned());
    Ok((session, Loaded { facts, runtime, text, spec, folder, defaults, sampling, lora }))
}

fn abilities(text: Option<&TextSide>) -> Abilities {
    let template = text.and_then(|text| text.template.as_ref());
    Abilities {
        completion: true,
        // Where a template shows no tools, they are described in the system text.
        tools: template.is_some(),
        thinking: text.is_some_and(TextSide::can_think),
        insert: text.is_some_and(|text| text.gap.is_some()),
        embedding: true,
    }
}

/// What a model's makers recommend, as far as it is in the ranges that requests have.
fn tuning(makers: SamplingDefaults) -> Tuning {
    let said = Tuning {
        temperature: makers.temperature.map(f64::from),
        top_p: makers.top_p.map(f64::from),
        top_k: makers.top_k.map(i64::from),
        repeat_penalty: makers.repetition_penalty.map(f64::from),
        ..Tuning::default()
    };
    if said.check().is_ok() { said } else { Tuning::default() }
}

/// Sampling with the changes that a request or a model's settings make.
pub(super) fn changed(default: rkllm::Sampling, tuning: &Tuning) -> rkllm::Sampling {
    let float = |value: Option<f64>, default: f32| value.map_or(default, |value| value as f32);
    rkllm::Sampling {
        temperature: tuning.temperature.map_or(default.temperature, temperature),
        top_p: float(tuning.top_p, default.top_p),
        top_k: count(tuning.top_k).unwrap_or(default.top_k),
        repeat_penalty: float(tuning.repeat_penalty, default.repeat_penalty),
        frequency_penalty: float(tuning.frequency_penalty, default.frequency_penalty),
        presence_penalty: float(tuning.presence_penalty, default.presence_penalty),
        mirostat: default.mirostat,
    }
}

/// A count as the runtime takes it; ranges were checked where the number came in.
pub(super) fn count(count: Option<i64>) -> Option<u32> {
    count.and_then(|count| u32::try_from(count).ok())
}

#[cfg(test)]
mod tests {
    use rkllm::Sampling;

    use super::*;

    #[test]
    fn sampling_is_left_alone_unless_asked() {
        let default = Sampling::default();
        assert_eq!(changed(default, &Tuning::default()), default);
        let tuning = Tuning { temperature: Some(0.0), ..Tuning::default() };
        assert_eq!(changed(default, &tuning), Sampling { temperature: 0.0, ..default });
    }

    #[test]
    fn temperatures_too_small_to_divide_by_are_greedy() {
        let tuning = Tuning { temperature: Some(1e-38), ..Tuning::default() };
        assert_eq!(changed(Sampling::default(), &tuning).temperature, 0.0);
    }

    #[test]
    fn recommendations_out_of_range_are_passed_over() {
        let makers = SamplingDefaults { temperature: Some(9.0), ..SamplingDefaults::default() };
        assert_eq!(tuning(makers), Tuning::default());
        let makers = SamplingDefaults { temperature: Some(0.5), ..SamplingDefaults::default() };
        assert_eq!(tuning(makers).temperature, Some(0.5));
    }
}
