//! What the flags mean.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::args::{Args, SamplingArgs, TargetPlatform};
use crate::generate::Tuning;
use crate::http::{HttpSettings, Key};
use crate::platform::{self, Soc};
use crate::registry::catalog::{Catalog, CatalogError, Format, keep_alive};
use crate::registry::{Defaults, Models, alone};
use crate::worker::{Limits, PrefixCacheSpec};

/// Everything that the server is told.
#[derive(Debug)]
pub struct Config {
    pub(crate) address: SocketAddr,
    pub(crate) models: Models,
    pub(crate) defaults: Defaults,
    pub(crate) http: HttpSettings,
    /// Short names for models of the hub.
    pub(crate) short_names: BTreeMap<String, String>,
}

/// Why the server cannot start the way it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be used.
    #[error("cannot read the {what} {}: {source}", .path.display())]
    File {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line of the configuration file cannot be used.
    #[error("{}, line {line}: {problem}", .path.display())]
    Line {
        /// The configuration file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A folder stands where a file is wanted.
    #[error("the {what} {} is a folder; name the file in it", .path.display())]
    Folder {
        /// What the file is for.
        what: &'static str,
        /// The folder.
        path: PathBuf,
    },
    /// A pipe, a device or a socket stands where a file is wanted.
    #[error("the {what} {} is no regular file; save it as one and name that", .path.display())]
    Special {
        /// What the file is for.
        what: &'static str,
        /// What is no file.
        path: PathBuf,
    },
    /// A file has no content.
    #[error("the {what} {} is empty; its download or conversion was not finished", .path.display())]
    Empty {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A model, or the folder with the models, cannot be used.
    #[error("{0}")]
    Model(String),
    /// A time that cannot be read.
    #[error("--keep-alive is {said}; give a time such as 5m or 1h30m, seconds, 0, or -1 for ever")]
    KeepAlive {
        /// What the flag says.
        said: String,
    },
    /// A `.rkllm` model cannot run on the CPU.
    #[error("{} needs an NPU, so it cannot run with --target-platform cpu; use a GGUF model", .path.display())]
    NoNpu {
        /// The model file.
        path: PathBuf,
    },
    /// The board is not the one that was named.
    #[error("--target-platform says {said}, but this board is an {found}; leave the flag out")]
    OtherBoard {
        /// What the flag says.
        said: &'static str,
        /// What the device tree says.
        found: &'static str,
    },
    /// A number of threads for a runtime that chooses its CPUs itself.
    #[error("--threads is for GGUF models on the embedded runtime; leave it out")]
    Threads,
    /// A flag is outside its range.
    #[error("{0}")]
    Range(String),
}

impl From<CatalogError> for ConfigError {
    fn from(error: CatalogError) -> Self {
        Self::Model(error.to_string())
    }
}

impl Config {
    /// Works out what the flags mean on this machine.
    ///
    /// # Errors
    /// [`ConfigError`], one sentence for the user.
    pub fn resolve(args: Args) -> Result<Self, ConfigError> {
        Self::resolve_on(args, Path::new("/"))
    }

    fn resolve_on(args: Args, root: &Path) -> Result<Self, ConfigError> {
        for (what, path) in [
            ("model", &args.model),
            ("LoRA adapter", &args.lora_model_path),
            ("prompt cache", &args.prompt_cache_path),
            ("runtime library", &args.runtime),
        ] {
            if let Some(path) = path {
                check(what, path)?;
            }
        }
        if let Some(folder) = &args.prefix_cache_dir {
            let what = "folder of the prefix cache";
            let path = folder.clone();
            fs::create_dir_all(folder).map_err(|source| ConfigError::File {
                what,
                path,
                source,
            })?;
        }
        let main = args.model.as_deref().map(alone).transpose()?;
        let catalog = args.models_dir.as_deref().map(Catalog::scan).transpose()?;
        let soc = soc(args.target_platform, root)?;
        if let Some(main) = main.as_ref().filter(|main| main.format == Format::Rkllm) {
            if args.target_platform == TargetPlatform::Cpu {
                return Err(ConfigError::NoNpu { path: main.file.clone() });
            }
            if args.threads.is_some() && catalog.is_none() {
                return Err(ConfigError::Threads);
            }
        }
        let max_new_tokens = positive("--max-new-tokens", args.max_new_tokens)?;
        let keep_alive = keep_alive::from_text(&args.keep_alive)
            .ok_or_else(|| ConfigError::KeepAlive { said: args.keep_alive.clone() })?;
        let budget = args.memory_budget.map(|megabytes| megabytes.saturating_mul(1_000_000));
        let http = http(&args)?;
        let short_names = short_names(&args.short_names)?;
        let defaults = Defaults {
            sampling: Tuning {
                max_new_tokens: max_new_tokens.map(i64::from),
                ..sampling(&args.sampling)?
            },
            context: positive("--context-length", args.context_length)?,
            threads: args.threads,
            soc,
            limits: limits(&args),
            load_timeout: args.load_timeout.map(Duration::from_secs),
            keep_alive,
            memory_budget: budget.unwrap_or_else(|| platform::memory(root) / 4 * 3),
            prefix_cache: prefix_cache(&args),
            runtime: args.runtime,
            lora: args.lora_model_path,
            prompt_cache: args.prompt_cache_path,
        };
        let address = SocketAddr::new(args.host, args.port);
        Ok(Self { address, models: Models { main, catalog }, defaults, http, short_names })
    }
}

/// Short names and what they stand for.
fn short_names(said: &[String]) -> Result<BTreeMap<String, String>, ConfigError> {
    said.iter()
        .map(|said| match said.split_once('=') {
            Some((name, model)) if !name.is_empty() && !model.is_empty() => {
                Ok((name.to_owned(), model.to_owned()))
            }
            _ => Err(ConfigError::Range(format!("--short-name is {said}; give NAME=MODEL"))),
        })
        .collect()
}

/// Who may use the server.
fn http(args: &Args) -> Result<HttpSettings, ConfigError> {
    let mut keys = args.api_keys.clone();
    if let Some(path) = &args.api_key_file {
        check("file of API keys", path)?;
        let text = fs::read_to_string(path).map_err(|source| ConfigError::File {
            what: "file of API keys",
            path: path.clone(),
            source,
        })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        keys.extend(lines.map(str::to_owned));
        if keys.is_empty() {
            // Nobody who names a file wants a server that is open to all.
            return Err(ConfigError::Empty { what: "file of API keys", path: path.clone() });
        }
    }
    let keys = keys.iter().map(|key| Key::new(key)).collect::<Result<_, _>>();
    Ok(HttpSettings {
        keys: keys.map_err(|error| ConfigError::Range(error.to_string()))?,
        cors_origins: args.cors_origins.clone(),
        allowed_hosts: args.allowed_hosts.clone(),
        requests_per_minute: args.requests_per_minute,
    })
}

fn limits(args: &Args) -> Limits {
    Limits {
        queue_depth: args.queue_depth.into(),
        queue_timeout: Duration::from_secs(args.queue_timeout),
        // Each model's own, by its size.
        load_timeout: Duration::ZERO,
        token_timeout: Duration::from_secs(args.token_timeout),
    }
}

/// Where the states of conversations go.
fn prefix_cache(args: &Args) -> Option<PrefixCacheSpec> {
    let folder = args.prefix_cache_dir.clone().unwrap_or_else(std::env::temp_dir);
    let budget = args.prefix_cache.saturating_mul(1_000_000);
    (budget > 0).then_some(PrefixCacheSpec { folder, budget })
}

/// The chip that the server runs on, by flag or device tree.
fn soc(platform: TargetPlatform, root: &Path) -> Result<Option<Soc>, ConfigError> {
    let found = Soc::detect(root);
    let said = match platform {
        TargetPlatform::Auto | TargetPlatform::Cpu => return Ok(found),
        TargetPlatform::Rk3588 => Soc::Rk3588,
        TargetPlatform::Rk3576 => Soc::Rk3576,
        TargetPlatform::Rk3562 => Soc::Rk3562,
        TargetPlatform::Rv1126b => Soc::Rv1126b,
    };
    match found {
        Some(found) if found != said => {
            Err(ConfigError::OtherBoard { said: said.name(), found: found.name() })
        }
        _ => Ok(Some(said)),
    }
}

/// Whether a file that the user named can be read at all.
fn check(what: &'static str, path: &Path) -> Result<(), ConfigError> {
    let fail = |source| ConfigError::File { what, path: path.to_owned(), source };
    let metadata = path.metadata().map_err(fail)?;
    if metadata.is_dir() {
        return Err(ConfigError::Folder { what, path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(ConfigError::Special { what, path: path.to_owned() });
    }
    if metadata.len() == 0 {
        return Err(ConfigError::Empty { what, path: path.to_owned() });
    }
    File::open(path).map(drop).map_err(fail)
}

fn positive(flag: &str, value: Option<u32>) -> Result<Option<u32>, ConfigError> {
    match value {
        Some(value) if value == 0 || i32::try_from(value).is_err() => Err(ConfigError::Range(
            format!("{flag} is {value}; give a number from 1 to 2147483647"),
        )),
        _ => Ok(value),
    }
}

fn sampling(args: &SamplingArgs) -> Result<Tuning, ConfigError> {
    // The same ranges as for requests.
    let tuning = Tuning {
        temperature: args.temperature,
        top_p: args.top_p,
        top_k: args.top_k.map(i64::from),
        repeat_penalty: args.repeat_penalty,
        frequency_penalty: args.frequency_penalty,
        presence_penalty: args.presence_penalty,
        ..Tuning::default()
    };
    tuning.check().map_err(|error| {
        ConfigError::Range(format!("--{}", error.message.replacen('_', "-", 1)))
    })?;
    Ok(tuning)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    struct Machine {
        root: tempfile::TempDir,
    }

    impl Machine {
        /// A machine with some files, and a device tree if it is a board.
        fn new(compatible: Option<&str>) -> Self {
            let root = tempfile::tempdir().unwrap();
            for (name, content) in [
                ("m.rkllm", "x"),
                ("m.gguf", "GGUFxx"),
                ("M.RKLLM", "x"),
                ("magic", "GGUFxx"),
                ("other", "x"),
                ("empty", ""),
            ] {
                std::fs::write(root.path().join(name), content).unwrap();
            }
            if let Some(compatible) = compatible {
                std::fs::create_dir_all(root.path().join("proc/device-tree")).unwrap();
                let file = root.path().join("proc/device-tree/compatible");
                std::fs::write(file, compatible).unwrap();
            }
            Self { root }
        }

        fn resolve(&self, model: &str, flags: &[&str]) -> Result<Config, ConfigError> {
            let model = self.root.path().join(model);
            let fixed = ["rkllm-server", "--model", model.to_str().unwrap()];
            let args = Args::try_parse_from(fixed.iter().chain(flags)).unwrap();
            Config::resolve_on(args, self.root.path())
        }

        fn refused(&self, model: &str, flags: &[&str]) -> String {
            self.resolve(model, flags).unwrap_err().to_string()
        }
    }

    #[test]
    fn the_model_decides_the_runtime() {
        let machine = Machine::new(None);
        let format = |model| machine.resolve(model, &[]).unwrap().models.main.unwrap().format;
        assert_eq!(format("m.gguf"), Format::Gguf);
        assert_eq!(format("magic"), Format::Gguf);
        assert_eq!(format("m.rkllm"), Format::Rkllm);
        assert_eq!(format("M.RKLLM"), Format::Rkllm);
    }

    #[test]
    fn threads_are_for_the_embedded_runtime() {
        let machine = Machine::new(None);
        assert_eq!(
            machine.resolve("m.gguf", &["--threads", "3"]).unwrap().defaults.threads,
            Some(3)
        );
        assert!(machine.refused("m.rkllm", &["--threads", "3"]).contains("--threads"));
    }

    #[test]
    fn boards_choose_the_cpus() {
        let board = Machine::new(Some("rockchip,rk3588\0"));
        let soc = |flags: &[&str]| board.resolve("m.rkllm", flags).unwrap().defaults.soc;
        assert_eq!(soc(&[]), Some(Soc::Rk3588));
        assert_eq!(soc(&["--target_platform", "rk3588"]), Some(Soc::Rk3588));
        assert_eq!(Machine::new(None).resolve("m.rkllm", &[]).unwrap().defaults.soc, None);
        let refused = board.refused("m.rkllm", &["--target-platform", "rk3576"]);
        assert!(refused.contains("rk3576") && refused.contains("rk3588"), "{refused}");
    }

    #[test]
    fn unusable_files_are_one_sentence_each() {
        let machine = Machine::new(None);
        assert!(machine.refused("nowhere.gguf", &[]).starts_with("cannot read the model"));
        assert!(machine.refused("", &[]).contains("is a folder"));
        assert!(machine.refused("empty", &[]).contains("is empty"));
        assert!(machine.refused("other", &[]).contains("neither a .rkllm nor a GGUF model"));
        let socket = machine.root.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(socket).unwrap();
        assert!(machine.refused("socket", &[]).contains("is no regular file"));
        let refused = machine.refused("m.rkllm", &["--target-platform", "cpu"]);
        assert!(refused.contains("needs an NPU"), "{refused}");
        let refused = machine.refused("m.gguf", &["--lora_model_path", "/nonexistent"]);
        assert!(refused.starts_with("cannot read the LoRA adapter"), "{refused}");
    }

    #[test]
    fn flags_out_of_range_are_named() {
        let machine = Machine::new(None);
        let refused = machine.refused("m.gguf", &["--temperature", "7"]);
        assert_eq!(refused, "--temperature is 7.0; send a number from 0 to 2");
        let refused = machine.refused("m.gguf", &["--temperature", "2.1"]);
        assert_eq!(refused, "--temperature is 2.1; send a number from 0 to 2");
        let refused = machine.refused("m.gguf", &["--temperature", "-1"]);
        assert_eq!(refused, "--temperature is -1.0; send a number from 0 to 2");
        let refused = machine.refused("m.gguf", &["--top_p", "nan"]);
        assert_eq!(refused, "--top-p is NaN; send a number from 0 to 1");
        assert!(
            machine.refused("m.gguf", &["--context-length", "0"]).starts_with("--context-length")
        );
    }

    #[test]
    fn both_spellings_of_the_flags_of_the_demo() {
        let machine = Machine::new(None);
        let file = machine.root.path().join("m.gguf");
        let file = file.to_str().unwrap();
        for flags in [
            ["--rkllm_model_path", "--target_platform", "--lora_model_path", "--prompt_cache_path"],
            ["--rkllm-model-path", "--target-platform", "--lora-model-path", "--prompt-cache-path"],
        ] {
            let values = [file, "cpu", file, file];
            let pairs = flags.iter().zip(values).flat_map(|(flag, value)| [*flag, value]);
            let args = ["rkllm-server"].into_iter().chain(pairs).chain(["--port", "5001"]);
            let config = Config::resolve_on(Args::parse_from(args), machine.root.path()).unwrap();
            assert_eq!(config.address.port(), 5001);
            assert_eq!(config.defaults.lora.as_deref(), Some(Path::new(file)));
            assert_eq!(config.defaults.prompt_cache.as_deref(), Some(Path::new(file)));
        }
    }
}
