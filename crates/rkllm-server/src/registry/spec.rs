//! From a model on disk to what its child is told.

use std::path::PathBuf;
use std::time::Duration;

use super::KeepAlive;
use super::catalog::{Format, Library, ModelEntry};
use crate::generate::Tuning;
use crate::platform::Soc;
use crate::worker::{Adapter, Limits, ModelSpec, PrefixCacheSpec, Prompting, RuntimeChoice};

/// What holds for every model unless its settings say otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    pub(crate) sampling: Tuning,
    /// Tokens of prompt and answer together.
    pub(crate) context: Option<u32>,
    /// Threads of the embedded runtime.
    pub(crate) threads: Option<u8>,
    pub(crate) soc: Option<Soc>,
    /// The runtime library for all models, whatever their kind.
    pub(crate) runtime: Option<PathBuf>,
    /// The adapter and the prompt cache of the model that the server is started with.
    pub(crate) lora: Option<PathBuf>,
    pub(crate) prompt_cache: Option<PathBuf>,
    pub(crate) limits: Limits,
    /// Time for loading a model; `None` depends on its size.
    pub(crate) load_timeout: Option<Duration>,
    pub(crate) keep_alive: KeepAlive,
    /// Bytes that all models may take together.
    pub(crate) memory_budget: u64,
    /// Where the states of conversations are kept; the server makes a folder of its own there.
    pub(crate) prefix_cache: Option<PrefixCacheSpec>,
}

/// The slowest that a model is read at when it is loaded, in bytes per second: from an SD card.
const SLOWEST_READ: u64 = 20_000_000;
/// Time for loading that every model has.
const LOAD: Duration = Duration::from_secs(120);

impl Defaults {
    /// What the child of this model is told, and how long it may take.
    pub(super) fn spec(&self, entry: &ModelEntry, is_main: bool) -> (ModelSpec, Limits) {
        let settings = &entry.settings;
        let runtime = self.runtime(entry);
        let cpu_mask = match &runtime {
            // The embedded runtime takes as many threads as the mask has bits.
            RuntimeChoice::Embedded => self.threads.map(|count| u32::MAX >> (32 - count)),
            _ => self.soc.map(Soc::cpu_mask),
        };
        let lora = settings
            .lora
            .as_ref()
            .map(|lora| Adapter { path: lora.path.clone(), scale: lora.scale as f32 });
        let own = |path: &Option<PathBuf>| path.clone().filter(|_| is_main);
        let whole = Adapter { path: PathBuf::new(), scale: 1.0 };
        let spec = ModelSpec {
            name: entry.name.clone(),
            model: entry.file.clone(),
            affinity: cpu_mask.filter(|_| runtime != RuntimeChoice::Embedded),
            runtime,
            context: settings.context_length.or(self.context),
            defaults: settings.sampling.clone().over(self.sampling.clone()),
            cpu_mask,
            lora: lora.or_else(|| own(&self.lora).map(|path| Adapter { path, ..whole })),
            prompt_cache: own(&self.prompt_cache),
            prompting: Prompting {
                folder: entry.folder.clone(),
                template: settings.template.clone(),
                tool_format: settings.tool_format.clone(),
                reasoning: settings
                    .reasoning
                    .as_ref()
                    .map(|tags| (tags.start.clone(), tags.end.clone())),
                enable_thinking: settings.enable_thinking,
                system: settings.system.clone(),
                overflow: settings.overflow,
                end_tokens: settings.eos_token_ids.clone(),
                pooling: settings.pooling.map(|pooling| pooling.name().to_owned()),
            },
            prefix_cache: self.prefix_cache.as_ref().map(|cache| PrefixCacheSpec {
                folder: cache.folder.join(&entry.digest),
                budget: cache.budget,
            }),
        };
        let by_size = LOAD + Duration::from_secs(entry.size_bytes / SLOWEST_READ);
        let load_timeout = self.load_timeout.unwrap_or(by_size);
        (spec, Limits { load_timeout, ..self.limits })
    }

    fn runtime(&self, entry: &ModelEntry) -> RuntimeChoice {
        match (&entry.settings.runtime, &self.runtime, entry.format) {
            (Some(Library::File(path)), ..) => RuntimeChoice::Library(path.clone()),
            (Some(Library::Version(version)), ..) => RuntimeChoice::Version(version.clone()),
            (None, Some(path), _) => RuntimeChoice::Library(path.clone()),
            (None, None, Format::Gguf) => RuntimeChoice::Embedded,
            (None, None, Format::Rkllm) => RuntimeChoice::Search,
        }
    }
}
