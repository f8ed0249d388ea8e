//! The server's child processes as the kernel sees them.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::DEADLINE;
use crate::server::Server;

/// A process that is held by a descriptor, so that its number cannot come to mean another.
pub(super) struct Process {
    pub(super) pid: u32,
    handle: OwnedFd,
}

impl Process {
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    pub(super) fn signal(&self, signal: Signal) {
        // It may have ended.
        let _ = pidfd_send_signal(&self.handle, signal);
    }

    /// Waits until it has ended.
    pub(super) fn ended(&self) {
        let mut ready = [PollFd::new(&self.handle, PollFlags::IN)];
        let deadline = Timespec::try_from(DEADLINE).unwrap();
        assert_eq!(poll(&mut ready, Some(&deadline)).unwrap(), 1, "{} lives on", self.pid);
    }

    fn of(pid: u32) -> Option<Self> {
        let number = Pid::from_raw(i32::try_from(pid).unwrap())?;
        let handle = pidfd_open(number, PidfdFlags::empty()).ok()?;
        Some(Self { pid, handle })
    }
}

/// The processes that a server has started and that still run.
pub(super) fn children(server: &Server) -> Vec<Process> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent(*pid) == Some(server.pid())).filter_map(Process::of).collect()
}

/// The only child of a server, once there is exactly one.
pub(super) fn child(server: &Server) -> Process {
    let end = std::time::Instant::now() + DEADLINE;
    loop {
        let mut children = children(server);
        if children.len() == 1 {
            return children.remove(0);
        }
        assert!(std::time::Instant::now() < end, "{} children", children.len());
        std::thread::yield_now();
    }
}

/// The parent of a process that is not dead.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may contain anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}

/// What the descriptors of a process stand for.
pub(super) fn descriptors(pid: u32) -> Vec<PathBuf> {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    folder.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}

/// Memory of a process in bytes, without what it shares with files.
pub(super) fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
