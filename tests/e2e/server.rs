//! A running server, the one that was built, with a real model.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use rkllm_client::Client;
use rkllm_fake::Script;
use rkllm_sys::Generation;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The server that tests share when they need nothing special. It answers one after the other, and
/// leaves no files behind: nobody drops it.
pub(crate) fn shared() -> &'static Server {
    static SHARED: LazyLock<Server> =
        LazyLock::new(|| Server::start(&["--prefix-cache", "0"], &[]));
    &SHARED
}

/// The small real model that `cargo xtask model` fetches.
pub(crate) fn model() -> PathBuf {
    let path = match std::env::var_os("RKLLM_TEST_MODEL") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../models/SmolLM2-135M-Instruct.Q4_1.gguf"),
    };
    assert!(path.is_file(), "no model at {}: run `cargo xtask model`", path.display());
    path
}

/// A server process. Killed when dropped, and when the test process ends however it ends.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, without scheme.
    pub(crate) address: String,
    /// What it printed on stdout until it was ready.
    pub(crate) greeting: String,
    stderr: Option<JoinHandle<String>>,
    /// Its folder for temporary files: what a process leaves behind that is killed goes as well.
    _folder: TempDir,
}

impl Server {
    /// Starts the server with the small model. One thread: several servers run at a time, and
    /// ggml's threads spin while they wait for each other.
    pub(crate) fn start(flags: &[&str], env: &[(&str, &str)]) -> Self {
        let model = model();
        let flags =
            [&["--threads", "1", "--model", model.to_str().expect("a UTF-8 path")], flags].concat();
        Self::start_with(&flags, env)
    }

    /// Starts the server with exactly these flags and a free port, and waits until it is ready.
    pub(crate) fn start_with(flags: &[&str], env: &[(&str, &str)]) -> Self {
        let (mut child, folder) = launch(flags, env);
        let stderr = child.stderr.take().expect("stderr is piped");
        Self::ready((child, folder), Some(drain(stderr)))
    }

    /// Starts the server on the scripted runtime.
    pub(crate) fn scripted(script: &Script, flags: &[&str]) -> Self {
        let fixed = scripted_flags(script);
        let fixed: Vec<_> = fixed.iter().map(String::as_str).collect();
        Self::start_with(&[&fixed, flags].concat(), &ENDLESS)
    }

    /// Starts the server on the scripted runtime with a folder of models, which are scripts.
    pub(crate) fn scripted_folder(folder: &Path, flags: &[&str]) -> Self {
        let library = rkllm_fake::library(Generation::V1_3);
        let paths = [folder, &library].map(|path| path.to_str().expect("a UTF-8 path"));
        let fixed = ["--models-dir", paths[0], "--runtime", paths[1]];
        Self::start_with(&[&fixed, flags].concat(), &[])
    }

    /// Starts the server on the scripted runtime with a stderr that nobody reads.
    pub(crate) fn scripted_without_stderr(script: &Script) -> Self {
        let flags = scripted_flags(script);
        let (mut child, folder) = launch(&flags.each_ref().map(String::as_str), &[]);
        drop(child.stderr.take());
        Self::ready((child, folder), None)
    }

    /// Starts the server on the scripted runtime with a stdout that nobody reads. It may still be
    /// loading the model.
    pub(crate) fn scripted_without_stdout(script: &Script, flags: &[&str]) -> Self {
        let fixed = scripted_flags(script);
        let fixed: Vec<_> = fixed.iter().map(String::as_str).collect();
        let (mut child, folder) = launch(&[&fixed, flags].concat(), &[]);
        drop(child.stdout.take());
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            let read = stderr.read_line(&mut line).expect("log lines are text");
            assert!(read > 0, "the server ended before it listened");
            if let Some((_, rest)) = line.split_once("listening on http://") {
                break rest.split(',').next().expect("there is a first part").to_owned();
            }
        };
        let stderr = Some(drain(stderr));
        Self { child, address, greeting: String::new(), stderr, _folder: folder }
    }

    /// Reads the greeting, which comes once the server is ready.
    fn ready((mut child, folder): (Child, TempDir), stderr: Option<JoinHandle<String>>) -> Self {
        let mut greeting = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        while !greeting.ends_with("}'\n") {
            if lines.read_line(&mut greeting).expect("the greeting is text") == 0 {
                let _ = child.wait();
                let said = stderr.map(|stderr| stderr.join().expect("the reader does not panic"));
                panic!("the server ended before it was ready: {said:?}");
            }
        }
        let address = greeting
            .lines()
            .find_map(|line| line.strip_prefix("address  http://"))
            .expect("the greeting names the address")
            .to_owned();
        Self { child, address, greeting, stderr, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url()).expect("the address makes a URL")
    }

    /// The process that listens.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("process numbers are small");
        let pid = Pid::from_raw(pid).expect("a process is not number 0");
        // It is waited for only once this value is consumed, so the number is still its own.
        kill_process(pid, signal).expect("its own children may be signalled");
    }

    /// Sends the process a signal, and once more when the first one was taken, which must end it at
    /// once: see [`within_grace`](crate::grace::within_grace).
    pub(crate) fn signal_twice(self, signal: Signal) -> Result<(), (String, Instant)> {
        let told = Instant::now();
        self.signal(signal);
        // The first signal was taken when connections are refused.
        while TcpStream::connect(&self.address).is_ok() {
            std::thread::yield_now();
        }
        self.signal(signal);
        let (status, stderr) = self.wait();
        let at_once = status.code() == Some(130);
        at_once.then_some(()).ok_or_else(|| (format!("{status}: {stderr}"), told))
    }

    /// Waits for the end of the process and gives its status and what it wrote to stderr.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("the process can be waited for");
        let stderr = self.stderr.take().map(|stderr| stderr.join());
        (status, stderr.transpose().expect("the reader does not panic").unwrap_or_default())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server command that is run to its end; for starts that fail.
pub(crate) fn run_to_end(flags: &[&str], env: &[(&str, &str)]) -> (ExitStatus, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = command(flags, folder.path());
    command.envs(env.iter().copied());
    let output = command.output().expect("the server binary runs");
    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Starts a server with exactly these flags and a free port; it has the folder for temporary files.
fn launch(flags: &[&str], env: &[(&str, &str)]) -> (Child, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = command(flags, folder.path());
    command.args(["--port", "0"]).envs(env.iter().copied());
    (spawn(command), folder)
}

/// A context that no scripted answer fills before its test is over.
const ENDLESS: [(&str, &str); 1] = [("RKLLM_CONTEXT_LENGTH", "16777216")];

/// The flags that name the scripted runtime and its script.
fn scripted_flags(script: &Script) -> [String; 4] {
    let library = rkllm_fake::library(Generation::V1_3);
    [Path::new("--model"), script.model(), Path::new("--runtime"), &library]
        .map(|part| part.to_str().expect("a UTF-8 path").to_owned())
}

fn command(flags: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_rkllm-server")]);
    command.args(flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Nothing of the machine's own settings may change a test: keys, proxies, other defaults.
    command.env_clear().env("TMPDIR", folder);
    for name in ["PATH", "RUST_BACKTRACE"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command
}

/// Starts a process that dies with this one (`setpriv --pdeathsig`).
///
/// The kernel ties the death signal to the thread that started the process, and the threads of
/// tests come and go; so one thread that stays starts them all.
fn spawn(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<Child>);
    static SPAWNER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn().expect("setpriv (util-linux) starts"));
            }
        });
        sender
    });
    let (reply, child) = mpsc::channel();
    SPAWNER.send((command, reply)).expect("the thread stays");
    child.recv().expect("the thread answers")
}

/// Reads a pipe to its end, so that the process never waits for it.
fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
