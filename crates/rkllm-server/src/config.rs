//! What the flags mean.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::args::{Args, SamplingArgs, TargetPlatform};
use crate::generate::Tuning;
use crate::platform::Soc;
use crate::worker::{Adapter, Limits, ModelSpec, Prompting, RuntimeChoice};

/// Everything that the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) address: SocketAddr,
    pub(crate) limits: Limits,
    pub(crate) model: ModelSpec,
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
    /// No model was named.
    #[error("no model; name one with --model")]
    NoModel,
    /// The model is of no known kind.
    #[error("{} is neither a .rkllm nor a GGUF model", .path.display())]
    UnknownModel {
        /// The model file.
        path: PathBuf,
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

impl Config {
    /// Works out what the flags mean on this machine.
    ///
    /// # Errors
    /// [`ConfigError`], one sentence for the user.
    pub fn resolve(args: Args) -> Result<Self, ConfigError> {
        Self::resolve_on(args, Path::new("/"))
    }

    fn resolve_on(args: Args, root: &Path) -> Result<Self, ConfigError> {
        let model = args.model.ok_or(ConfigError::NoModel)?;
        let kind = ModelKind::of(&model)?;
        for (what, path) in [
            ("LoRA adapter", &args.lora_model_path),
            ("prompt cache", &args.prompt_cache_path),
            ("runtime library", &args.runtime),
        ] {
            if let Some(path) = path {
                open(what, path)?;
            }
        }
        let soc = soc(args.target_platform, root)?;
        if kind == ModelKind::Rkllm && args.target_platform == TargetPlatform::Cpu {
            return Err(ConfigError::NoNpu { path: model });
        }
        let runtime = match (args.runtime, kind) {
            (Some(library), _) => RuntimeChoice::Library(library),
            (None, ModelKind::Gguf) => RuntimeChoice::Embedded,
            (None, ModelKind::Rkllm) => RuntimeChoice::Search,
        };
        let cpu_mask = match (&runtime, args.threads) {
            // The embedded runtime takes as many threads as the mask has bits.
            (RuntimeChoice::Embedded, threads) => threads.map(|count| u32::MAX >> (32 - count)),
            (_, Some(_)) => return Err(ConfigError::Threads),
            (_, None) => soc.map(Soc::cpu_mask),
        };
        let size = model.metadata().map_or(0, |metadata| metadata.len());
        let limits = Limits {
            queue_depth: args.queue_depth.into(),
            queue_timeout: Duration::from_secs(args.queue_timeout),
            load_timeout: Duration::from_secs(args.load_timeout.unwrap_or(120 + size / 20_000_000)),
            token_timeout: Duration::from_secs(args.token_timeout),
        };
        let name = model.file_stem().unwrap_or(model.as_os_str()).to_string_lossy().into_owned();
        let max_new_tokens = positive("--max-new-tokens", args.max_new_tokens)?;
        let model = ModelSpec {
            name,
            model,
            runtime,
            context: positive("--context-length", args.context_length)?,
            defaults: Tuning {
                max_new_tokens: max_new_tokens.map(i64::from),
                ..sampling(&args.sampling)?
            },
            cpu_mask,
            affinity: None,
            lora: args.lora_model_path.map(|path| Adapter { path, scale: 1.0 }),
            prompt_cache: args.prompt_cache_path,
            prompting: Prompting::default(),
            prefix_cache: None,
        };
        Ok(Self { address: SocketAddr::new(args.host, args.port), limits, model })
    }
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

/// What a model file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ModelKind {
    Rkllm,
    Gguf,
}

impl ModelKind {
    /// By its name; by its first bytes if the name says nothing.
    fn of(path: &Path) -> Result<Self, ConfigError> {
        let mut file = open("model", path)?;
        let named = |name| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(name));
        if named("rkllm") {
            return Ok(Self::Rkllm);
        }
        if named("gguf") {
            return Ok(Self::Gguf);
        }
        let mut magic = [0; 4];
        match file.read_exact(&mut magic) {
            Ok(()) if &magic == b"GGUF" => Ok(Self::Gguf),
            _ => Err(ConfigError::UnknownModel { path: path.to_owned() }),
        }
    }
}

fn open(what: &'static str, path: &Path) -> Result<File, ConfigError> {
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
    File::open(path).map_err(fail)
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
        temperature: Some(args.temperature),
        top_p: Some(args.top_p),
        top_k: Some(args.top_k.into()),
        repeat_penalty: Some(args.repeat_penalty),
        frequency_penalty: Some(args.frequency_penalty),
        presence_penalty: Some(args.presence_penalty),
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
                ("m.gguf", "x"),
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
        let runtime = |model, flags: &[&str]| machine.resolve(model, flags).unwrap().model.runtime;
        assert_eq!(runtime("m.gguf", &[]), RuntimeChoice::Embedded);
        assert_eq!(runtime("magic", &[]), RuntimeChoice::Embedded);
        assert_eq!(runtime("m.rkllm", &[]), RuntimeChoice::Search);
        assert_eq!(runtime("M.RKLLM", &[]), RuntimeChoice::Search);
        let library = machine.root.path().join("other");
        let flags = ["--runtime", library.to_str().unwrap()];
        assert_eq!(runtime("m.gguf", &flags), RuntimeChoice::Library(library.clone()));
    }

    #[test]
    fn threads_are_for_the_embedded_runtime() {
        let machine = Machine::new(None);
        let mask = |flags| machine.resolve("m.gguf", flags).unwrap().model.cpu_mask;
        assert_eq!(mask(&[]), None);
        assert_eq!(mask(&["--threads", "3"]), Some(0b111));
        assert_eq!(mask(&["--threads", "32"]), Some(u32::MAX));
        assert!(machine.refused("m.rkllm", &["--threads", "3"]).contains("--threads"));
    }

    #[test]
    fn boards_choose_the_cpus() {
        let board = Machine::new(Some("rockchip,rk3588\0"));
        let mask = |flags: &[&str]| board.resolve("m.rkllm", flags).unwrap().model.cpu_mask;
        assert_eq!(mask(&[]), Some(0xf0));
        assert_eq!(mask(&["--target_platform", "rk3588"]), Some(0xf0));
        assert_eq!(Machine::new(None).resolve("m.rkllm", &[]).unwrap().model.cpu_mask, None);
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
    fn both_spellings_of_every_flag_of_the_seed() {
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
            assert_eq!(config.model.lora.map(|lora| lora.path).as_deref(), Some(Path::new(file)));
            assert_eq!(config.model.prompt_cache.as_deref(), Some(Path::new(file)));
        }
    }
}
