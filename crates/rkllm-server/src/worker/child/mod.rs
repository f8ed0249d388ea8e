//! The child process of one model: the only place where a runtime is loaded, so that a runtime that
//! crashes or hangs takes nothing with it.
//!
//! Three threads: the main one owns the model and runs what is prepared, one reads what the server
//! says and prepares while a run blocks, one writes.

mod control;
mod deliver;
mod embed;
mod engine;
mod limits;
mod load;
mod outbox;
mod plain;
mod prefix_cache;
mod prompt;
mod run;
mod shape;
mod task;
mod text;
mod vocabulary;

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::protocol::{FromChild, PROTOCOL};
use crate::shutdown::leave;
use outbox::Outbox;

/// The variable that tells a child which process it belongs to.
pub(super) const PARENT: &str = "RKLLM_WORKER_PARENT";

/// Runs the child until the server tells it to stop or is gone. The socket is its standard input.
pub fn main() -> ! {
    if let Err(error) = serve() {
        eprintln!("E worker: {error}; the server starts this command, it is of no use by hand");
        leave(1);
    }
    leave(0)
}

fn serve() -> std::io::Result<()> {
    die_with_parent()?;
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    if socket.peer_addr().is_err() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "standard input is no socket"));
    }
    if let Some(none) = no_core_file(getrlimit(Resource::Core)) {
        setrlimit(Resource::Core, none)?;
    }
    // Terminals and service managers send these to all processes; when to end is for the server to
    // say, which may let answers finish.
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::default())?;
    }
    // Whatever the runtime reads must not be the server's words.
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    let outbox = Outbox::start(socket.try_clone()?)?;
    outbox.send(&FromChild::Hello { protocol: PROTOCOL });
    let (loads, load) = mpsc::channel();
    let current = control::Current::default();
    let control = control::Control::new(socket, outbox.clone(), current.clone(), loads);
    std::thread::Builder::new().name("control".into()).spawn(move || control.serve())?;
    if let Ok((spec, prepared)) = load.recv() {
        engine::serve(spec, &prepared, &outbox, &current);
    }
    Ok(())
}

/// The limit that keeps a crash from dumping a model's memory, which would hold up the next child; `None`
/// where it need not or cannot be set.
fn no_core_file(present: Rlimit) -> Option<Rlimit> {
    // Of all limits only 1 also keeps Linux from piping the dump to a program. From 0 only some may
    // raise it.
    let none = Rlimit { current: Some(1), maximum: Some(1) };
    (present.maximum != Some(0)).then_some(none)
}

/// Has the kernel kill this process when the server's process ends, however it ends.
fn die_with_parent() -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before that.
    let parent = std::env::var(PARENT).ok().and_then(|pid| pid.parse().ok());
    let Some(parent) = parent else {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "no server started it"));
    };
    if rustix::process::getppid().map(Pid::as_raw_nonzero) != std::num::NonZero::new(parent) {
        leave(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_zero_stays() {
        let limit = |maximum| no_core_file(Rlimit { current: Some(0), maximum });
        assert_eq!(limit(Some(0)).map(|limit| limit.maximum), None);
        assert_eq!(limit(Some(4096)).map(|limit| limit.maximum), Some(Some(1)));
        assert_eq!(limit(None).map(|limit| limit.maximum), Some(Some(1)));
    }
}
