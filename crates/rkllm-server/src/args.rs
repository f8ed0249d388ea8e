//! What was typed.

use std::ffi::OsString;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::config_file::{ConfigFile, not_needed, optional};

/// Serves a language model over HTTP: .rkllm models on the NPU of a Rockchip board, GGUF models on
/// any CPU.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, subcommand_negates_reqs = true)]
pub struct Args {
    /// What to do other than serve.
    #[command(subcommand)]
    pub action: Option<Action>,

    /// File with flags that are not typed, in TOML: port = 5001. The names have underscores; variables
    /// win over it
    #[arg(long, env = "RKLLM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Model file: .rkllm or .gguf. It is loaded at once and answers requests that name no model
    #[arg(
        long = "rkllm-model-path",
        visible_aliases = ["model", "rkllm_model_path"],
        env = "RKLLM_MODEL",
        value_name = "FILE",
        required_unless_present = "models_dir"
    )]
    pub model: Option<PathBuf>,

    /// Folder with more models, each loaded when a request names it; docs/models.md says how to lay it
    /// out
    #[arg(long, visible_alias = "models_dir", env = "RKLLM_MODELS_DIR", value_name = "FOLDER")]
    pub models_dir: Option<PathBuf>,

    /// Short name for a model that can be pulled, such as qwen3=hf.co/ORG/REPO:Q4_K_M; can be given
    /// several times
    #[arg(
        long = "short-name",
        visible_alias = "short_name",
        env = "RKLLM_SHORT_NAME",
        value_name = "NAME=MODEL",
        value_delimiter = ','
    )]
    pub short_names: Vec<String>,

    /// Time that a model of --models-dir stays in memory after its last answer: 5m, 1h30m, seconds, 0,
    /// or -1 for ever
    #[arg(
        long,
        visible_alias = "keep_alive",
        env = "RKLLM_KEEP_ALIVE",
        value_name = "TIME",
        default_value = "5m",
        allow_negative_numbers = true
    )]
    pub keep_alive: String,

    /// Memory that all models may take together, in MB [default: three quarters of the machine's]
    #[arg(
        long,
        visible_alias = "memory_budget",
        env = "RKLLM_MEMORY_BUDGET",
        value_name = "MB",
        allow_negative_numbers = true
    )]
    pub memory_budget: Option<u64>,

    /// Disk space for the states of conversations that take turns, in MB; 0 keeps none
    #[arg(
        long,
        visible_alias = "prefix_cache",
        env = "RKLLM_PREFIX_CACHE",
        value_name = "MB",
        default_value_t = 1024,
        allow_negative_numbers = true
    )]
    pub prefix_cache: u64,

    /// Folder for them [default: one in the system's folder for temporary files]
    #[arg(
        long,
        visible_alias = "prefix_cache_dir",
        env = "RKLLM_PREFIX_CACHE_DIR",
        value_name = "FOLDER"
    )]
    pub prefix_cache_dir: Option<PathBuf>,

    /// Board that the server runs on; auto looks for itself
    #[arg(
        long,
        visible_alias = "target_platform",
        env = "RKLLM_TARGET_PLATFORM",
        value_name = "PLATFORM",
        default_value = "auto"
    )]
    pub target_platform: TargetPlatform,

    /// LoRA adapter file, used for every answer
    #[arg(
        long,
        visible_alias = "lora_model_path",
        env = "RKLLM_LORA_MODEL_PATH",
        value_name = "FILE"
    )]
    pub lora_model_path: Option<PathBuf>,

    /// Prompt cache file, loaded at start
    #[arg(
        long,
        visible_alias = "prompt_cache_path",
        env = "RKLLM_PROMPT_CACHE_PATH",
        value_name = "FILE"
    )]
    pub prompt_cache_path: Option<PathBuf>,

    /// Runtime library to use, whatever the model; for .rkllm models RKLLM_LIB can name one as well
    #[arg(long, value_name = "FILE")]
    pub runtime: Option<PathBuf>,

    /// Address to listen on; 0.0.0.0 is every network of this machine
    #[arg(long, env = "RKLLM_HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// Port to listen on; 0 takes a free one
    #[arg(
        long,
        env = "RKLLM_PORT",
        value_name = "PORT",
        default_value_t = 5000,
        allow_negative_numbers = true
    )]
    pub port: u16,

    /// Seconds that loading the model may take [default: 120, and one more per 20 MB]
    #[arg(
        long,
        env = "RKLLM_LOAD_TIMEOUT",
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86400),
        allow_negative_numbers = true
    )]
    pub load_timeout: Option<u64>,

    /// Seconds without a token after which the runtime counts as hung; the first token has 0.1 s more
    /// per token of the prompt
    #[arg(
        long,
        env = "RKLLM_TOKEN_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=86400),
        allow_negative_numbers = true
    )]
    pub token_timeout: u64,

    /// Seconds that a request may wait for its turn
    #[arg(
        long,
        env = "RKLLM_QUEUE_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 600,
        value_parser = clap::value_parser!(u64).range(1..=86400),
        allow_negative_numbers = true
    )]
    pub queue_timeout: u64,

    /// Key that requests have to carry; can be given several times [default: none]
    #[arg(
        long = "api-key",
        visible_alias = "api_key",
        env = "RKLLM_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub api_keys: Vec<String>,

    /// File with such keys, one per line
    #[arg(long, visible_alias = "api_key_file", env = "RKLLM_API_KEY_FILE", value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// Origin (scheme, name and port) of web pages that may use the server; can be given several
    /// times; * is every page
    #[arg(
        long = "cors-origin",
        visible_alias = "cors_origin",
        env = "RKLLM_CORS_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub cors_origins: Vec<String>,

    /// Name by which the server may be called while it listens on this machine only, beside localhost;
    /// can be given several times
    #[arg(
        long = "allowed-host",
        visible_alias = "allowed_host",
        env = "RKLLM_ALLOWED_HOST",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<String>,

    /// Requests that one key, or without keys one address, may send in a minute [default: any number]
    #[arg(
        long,
        visible_alias = "requests_per_minute",
        env = "RKLLM_REQUESTS_PER_MINUTE",
        value_name = "COUNT",
        allow_negative_numbers = true
    )]
    pub requests_per_minute: Option<NonZeroU32>,

    /// Requests that may wait while one is answered; 0 refuses them with 503
    #[arg(
        long,
        visible_alias = "queue_depth",
        env = "RKLLM_QUEUE_DEPTH",
        value_name = "COUNT",
        default_value_t = 16,
        allow_negative_numbers = true
    )]
    pub queue_depth: u16,

    /// Tokens of prompt and answer together [default: the model's own limit, at most 4096]
    #[arg(
        long,
        visible_alias = "context_length",
        env = "RKLLM_CONTEXT_LENGTH",
        value_name = "TOKENS",
        allow_negative_numbers = true
    )]
    pub context_length: Option<u32>,

    /// Tokens that an answer may have unless the request says [default: what the context has left]
    #[arg(
        long,
        visible_alias = "max_new_tokens",
        env = "RKLLM_MAX_NEW_TOKENS",
        value_name = "TOKENS",
        allow_negative_numbers = true
    )]
    pub max_new_tokens: Option<u32>,

    /// CPU threads for GGUF models [default: all for prompts, one less than all for answers]
    #[arg(
        long,
        env = "RKLLM_THREADS",
        value_name = "COUNT",
        value_parser = clap::value_parser!(u8).range(1..=32),
        allow_negative_numbers = true
    )]
    pub threads: Option<u8>,

    /// What requests that say nothing are sampled with.
    #[command(flatten, next_help_heading = "Sampling defaults")]
    pub sampling: SamplingArgs,
}

/// What to do other than serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Runs one model for the server that starts it.
    #[command(hide = true)]
    Worker,
}

impl Args {
    /// The command line, the environment of this process and the configuration file that these name.
    /// Ends the process when they cannot be understood, or with the text that `--help` and `--version`
    /// ask for.
    #[must_use]
    pub fn read() -> Self {
        let command = without_empty_variables(Self::command());
        let args = Self::understand(command, std::env::args_os().collect());
        args.unwrap_or_else(|error| error.exit())
    }

    fn understand(mut command: Command, typed: Vec<OsString>) -> Result<Self, clap::Error> {
        let first = optional(command.clone()).try_get_matches_from(&typed)?;
        // What the server starts is told everything by the server.
        let file = first.get_one::<PathBuf>("config").filter(|_| first.subcommand().is_none());
        if let Some(path) = file {
            command = match ConfigFile::read(path).and_then(|file| file.defaults(command.clone())) {
                Ok(command) if says(&command, "models_dir") => command.mut_arg("model", not_needed),
                Ok(command) => command,
                Err(error) => return Err(command.error(ErrorKind::ValueValidation, error)),
            };
        }
        Self::from_arg_matches_mut(&mut command.try_get_matches_from(typed)?)
    }
}

/// Whether the command has a default for a flag.
fn says(command: &Command, flag: &str) -> bool {
    let mut flags = command.get_arguments();
    flags.any(|arg| arg.get_id() == flag && !arg.get_default_values().is_empty())
}

/// Variables that are empty count as unset, because unit files and container settings can often only
/// empty them.
fn without_empty_variables(command: Command) -> Command {
    command.mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        match value {
            Some(value) if value.is_empty() => arg.env(None),
            _ => arg,
        }
    })
}

/// Sampling of requests that say nothing.
#[derive(Debug, clap::Args)]
pub struct SamplingArgs {
    /// Randomness, 0 to 2; 0 always takes the likeliest token [default: the model's, or 0.8]
    #[arg(long, env = "RKLLM_TEMPERATURE", value_name = "NUMBER", allow_negative_numbers = true)]
    pub temperature: Option<f64>,

    /// Only the likeliest tokens that make up this share are candidates, 0 to 1 [default: the
    /// model's, or 0.9]
    #[arg(
        long,
        visible_alias = "top_p",
        env = "RKLLM_TOP_P",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub top_p: Option<f64>,

    /// Only this many of the likeliest tokens are candidates; 0 is no limit [default: the model's, or 40]
    #[arg(
        long,
        visible_alias = "top_k",
        env = "RKLLM_TOP_K",
        value_name = "COUNT",
        allow_negative_numbers = true
    )]
    pub top_k: Option<u32>,

    /// Holds back tokens seen lately; 1 is off [default: the model's, or 1.1]
    #[arg(
        long,
        visible_alias = "repeat_penalty",
        env = "RKLLM_REPEAT_PENALTY",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub repeat_penalty: Option<f64>,

    /// Holds back tokens by how often they were seen lately, -2 to 2; 0 is off [default: 0]
    #[arg(
        long,
        visible_alias = "frequency_penalty",
        env = "RKLLM_FREQUENCY_PENALTY",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub frequency_penalty: Option<f64>,

    /// Holds back tokens that were seen lately at all, -2 to 2; 0 is off [default: 0]
    #[arg(
        long,
        visible_alias = "presence_penalty",
        env = "RKLLM_PRESENCE_PENALTY",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub presence_penalty: Option<f64>,
}

/// Where the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetPlatform {
    /// Whatever this machine is.
    Auto,
    /// Rockchip RK3588 or RK3588S.
    Rk3588,
    /// Rockchip RK3576.
    Rk3576,
    /// Rockchip RK3562.
    Rk3562,
    /// Rockchip RV1126B.
    Rv1126b,
    /// No NPU: the CPU alone.
    Cpu,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn understand(flags: &[&str]) -> Result<Args, clap::Error> {
        let typed = ["rkllm-server"].iter().chain(flags).map(OsString::from);
        // Whatever variables there are where the test runs.
        let command = Args::command().mut_args(|arg| arg.env(None));
        Args::understand(command, typed.collect())
    }

    #[test]
    fn the_example_of_a_configuration_file_is_one() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/server.md");
        let page = fs::read_to_string(page).unwrap();
        let (_, example) = page.split_once("```toml\n").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        fs::write(&file, example).unwrap();
        let args = understand(&["--config", file.to_str().unwrap(), "--port", "5002"]).unwrap();
        assert_eq!(
            args.model.as_deref(),
            Some(Path::new("/srv/models/Qwen3-1.7B-w8a8-rk3588.rkllm"))
        );
        assert_eq!(args.host.to_string(), "0.0.0.0");
        assert_eq!(args.port, 5002);
        assert_eq!(args.keep_alive, "30m");
        assert_eq!(args.sampling.temperature, Some(0.7));
    }

    #[test]
    fn a_file_may_say_what_has_to_be_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        let with = |text: &str| {
            fs::write(&file, text).unwrap();
            understand(&["--config", file.to_str().unwrap()])
        };
        let args = with("models_dir = \"models\"").unwrap();
        assert_eq!(args.models_dir, Some(folder.path().join("models")));
        let missing = with("port = 1").unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::MissingRequiredArgument);
        let wrong = with("modles_dir = \"models\"").unwrap_err().to_string();
        assert!(
            wrong.contains("line 1: there is no modles_dir; did you mean models_dir?"),
            "{wrong}"
        );
        let absent = understand(&["--config", "/nonexistent.toml"]).unwrap_err().to_string();
        assert!(absent.contains("configuration file /nonexistent.toml"), "{absent}");
    }
}
