//! A child process and the way to it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::child::PARENT;
use super::protocol::{FrameError, FromChild, ToChild, decode, encode};

/// Lines that are kept to say why a child ended.
const LAST_LINES: usize = 8;
/// Longest line in bytes; what is longer is cut.
const MAX_LINE: u64 = 2048;
/// Time for reading the last lines of a child that has ended.
const PRINTED: Duration = Duration::from_millis(100);

/// A running child. Killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    reader: OwnedReadHalf,
    buffer: BytesMut,
    writer: UnboundedSender<Bytes>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    relays: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts a child for the model of this name.
    pub(super) fn start(model: &str) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(ours)?.into_split();
        let mut child = spawn(theirs)?;
        let last_lines = Arc::<Mutex<VecDeque<String>>>::default();
        let mut relays = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            relays.push(tokio::spawn(relay(stdout, model.to_owned(), Arc::clone(&last_lines))));
        }
        if let Some(stderr) = child.stderr.take() {
            relays.push(tokio::spawn(relay(stderr, model.to_owned(), Arc::clone(&last_lines))));
        }
        let (sender, frames) = unbounded_channel();
        tokio::spawn(write(writer, frames));
        Ok(Self { child, reader, buffer: BytesMut::new(), writer: sender, last_lines, relays })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub(super) fn send(&self, message: &ToChild) {
        let mut frame = Vec::new();
        encode(message, &mut frame);
        self.send_frame(frame.into());
    }

    /// A child that is gone is noticed by reading from it.
    pub(super) fn send_frame(&self, frame: Bytes) {
        let _ = self.writer.send(frame);
    }

    /// Waits until the child has said more; 0 when it has said everything.
    pub(super) async fn heard(&mut self) -> io::Result<usize> {
        self.reader.read_buf(&mut self.buffer).await
    }

    /// The next message of what was heard.
    pub(super) fn message(&mut self) -> Result<Option<FromChild>, FrameError> {
        decode(&mut self.buffer)
    }

    /// Waits for the end of the child, which is killed if that takes long. Says how it ended and
    /// what the runtime printed last.
    pub(super) async fn bury(mut self) -> (String, Vec<String>) {
        // The end of its socket shows before the end of the process.
        let status = match timeout(super::EXIT, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.kill();
                // A process that is stuck in the NPU's driver does not even die.
                let wait = timeout(super::EXIT, self.child.wait()).await;
                wait.unwrap_or_else(|_| Err(io::Error::other("does not end")))
            }
        };
        // What it printed may still be in the pipes, which end with it, unless it left a process of
        // its own behind.
        let _ = timeout(PRINTED, join_all(self.relays)).await;
        let lines = self.last_lines.lock().iter().cloned().collect();
        (status.map_or_else(|error| error.to_string(), describe), lines)
    }

    /// Kills the child.
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.start_kill();
    }
}

/// How a process ended, in words.
fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_hook::low_level::signal_name(signal) {
            Some(name) => format!("ended by {name}"),
            None => format!("ended by signal {signal}"),
        },
        (None, Some(code)) => format!("ended with status {code}"),
        (None, None) => "ended".to_owned(),
    }
}

/// Starts a child with its socket as standard input.
///
/// A child dies with the thread that started it, as the kernel sees it, so one thread that stays
/// starts them all.
fn spawn(socket: StdUnixStream) -> io::Result<Child> {
    type Order = (StdUnixStream, Handle, mpsc::Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<io::Result<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::Builder::new().name("spawner".into()).spawn(move || {
            for (socket, handle, reply) in orders {
                let _runtime = handle.enter();
                let _ = reply.send(command(socket).spawn());
            }
        })?;
        Ok(sender)
    });
    let spawner =
        SPAWNER.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (reply, child) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts processes is gone");
    spawner.send((socket, Handle::current(), reply)).map_err(|_| gone(()))?;
    child.recv().map_err(|_| gone(()))?
}

fn command(socket: StdUnixStream) -> Command {
    // This very program, also when its file was replaced since.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("rkllm-server")
        .arg("worker")
        .env(PARENT, std::process::id().to_string())
        // Secrets that are none of the runtime's business.
        .env_remove("RKLLM_API_KEY")
        .env_remove("HF_TOKEN")
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Writes frames in order until the child is gone.
async fn write(mut socket: OwnedWriteHalf, mut frames: UnboundedReceiver<Bytes>) {
    while let Some(frame) = frames.recv().await {
        if socket.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// Brings what the runtime prints into the log.
async fn relay(
    pipe: impl AsyncRead + Unpin,
    model: String,
    last_lines: Arc<Mutex<VecDeque<String>>>,
) {
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let text = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        if text.is_empty() {
            continue;
        }
        match text.starts_with("E ") || text.starts_with("W ") {
            true => tracing::warn!(target: "runtime", model, "{text}"),
            false => tracing::info!(target: "runtime", model, "{text}"),
        }
        let mut last_lines = last_lines.lock();
        if last_lines.len() == LAST_LINES {
            last_lines.pop_front();
        }
        last_lines.push_back(text);
    }
}
