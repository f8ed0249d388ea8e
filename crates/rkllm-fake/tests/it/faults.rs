//! Death and hanging, in child processes, and aborts.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use rkllm_fake::Script;

use crate::driver::{v1_2_0, v1_3};
use crate::recorder::Recorder;

const DEADLINE: Duration = Duration::from_secs(60);

/// Runs one of the ignored tests below in a process of its own.
fn spawn(test: &str, change: impl FnOnce(&mut Command)) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    change(&mut command);
    command.spawn().unwrap()
}

pub(crate) fn child(test: &str, change: impl FnOnce(&mut Command)) -> ExitStatus {
    spawn(test, change).wait().unwrap()
}

fn child_of(script: &Script) -> ExitStatus {
    child("faults::child_that_runs", |command| {
        command.envs(script.env());
    })
}

#[test]
#[ignore = "for processes started by other tests"]
fn child_that_runs() {
    // Any file may be the model, since the environment names the script.
    let session = v1_3::Session::open(&env::current_exe().unwrap()).unwrap();
    assert_eq!(session.run("", &mut Recorder::default()), 0);
    assert_eq!(session.destroy(), 0);
}

#[test]
#[ignore = "for processes started by other tests"]
fn child_of_two_inits() {
    let model = |name| env::var_os(name).map(PathBuf::from);
    let (Some(first), Some(second)) = (model("FIRST"), model("SECOND")) else {
        // Somebody runs all ignored tests; the one that needs this process is not among them.
        return;
    };
    let log = first.with_file_name("log");
    thread::spawn(move || v1_3::Session::open_at_once(&first, |_| {}).is_ok());
    while !fs::read_to_string(&log).is_ok_and(|log| log.contains("hang in=init")) {
        thread::yield_now();
    }
    let second = v1_3::Session::open_at_once(&second, |_| {});
    assert_eq!(second.unwrap_err(), -1);
}

#[test]
fn each_kind_of_crash_kills() {
    for (kind, signal, code) in [
        ("segv", Some(11), None),
        ("ill", Some(4), None),
        ("abort", Some(6), None),
        ("kill", Some(9), None),
        ("exit", None, Some(3)),
    ] {
        let script = Script::new();
        script.set("CRASH_IN", "decode").set("CRASH_AFTER", 2).set("CRASH_KIND", kind);
        let status = child_of(&script);
        assert_eq!((status.signal(), status.code()), (signal, code), "{kind}");
        let log = script.log();
        let end = format!("crash in=decode after=2 kind={kind} ");
        assert!(log.last().unwrap().starts_with(&end), "{log:?}");
        assert_eq!(script.misuse(), [""; 0]);
    }
}

#[test]
fn each_stage_may_crash_and_a_crash_may_happen_once() {
    for stage in ["init", "prefill", "decode", "destroy"] {
        let script = Script::new();
        script.set("CRASH_IN", stage).set("CRASH_KIND", "exit");
        script.set("FAULT_ONCE", script.dir().join("once").display());
        assert_eq!(child_of(&script).code(), Some(3), "{stage}");
        assert_eq!(child_of(&script).code(), Some(0), "{stage}");
    }
}

#[test]
fn each_stage_may_hang() {
    for stage in ["init", "prefill", "decode", "destroy"] {
        let script = Script::new();
        script.set("HANG_IN", stage);
        let mut child = spawn("faults::child_that_runs", |command| {
            command.envs(script.env());
        });
        let line = script.wait_for_log("hang in=", DEADLINE);
        assert!(line.starts_with(&format!("hang in={stage} after=0 ")), "{line}");
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn strict_mode_aborts() {
    let script = Script::new();
    script.set("STRICT", 1).set("NO_SUCH_KEY", 1);
    assert_eq!(child_of(&script).signal(), Some(6));
    assert_eq!(script.misuse().len(), 1);
}

/// Handle and function, for another thread.
struct Abort(v1_3::Session);

// SAFETY: abort may be called from any thread.
unsafe impl Sync for Abort {}

/// Runs until `mark` is in the log, then aborts.
fn abort_at(script: &Script, mark: &str) -> (i32, Recorder) {
    let session = Abort(v1_3::Session::open(script.model()).unwrap());
    let mut recorder = Recorder::default();
    let status = thread::scope(|scope| {
        let session = &session;
        scope.spawn(move || {
            script.wait_for_log(mark, DEADLINE);
            // SAFETY: the handle lives until the scope has ended.
            assert_eq!(unsafe { (session.0.api.abort)(session.0.handle) }, 0);
        });
        session.0.run("", &mut recorder)
    });
    assert_eq!(session.0.destroy(), 0);
    assert_eq!(script.misuse(), [""; 0]);
    (status, recorder)
}

#[test]
fn an_abort_ends_a_run_as_the_script_says() {
    for (end, status, last) in [("finish", 0, Some(2)), ("error", -1, Some(3)), ("none", 0, None)] {
        let script = Script::new();
        // Longer than any deadline: only an abort that ends the wait lets the test end.
        script.set("TOKENS", "forever").set("TOKEN_US", 2_000_000_000).set("ABORT_END", end);
        let (found, recorder) = abort_at(&script, "run start");
        let states = recorder.states();
        assert_eq!(found, status);
        assert_eq!(states.iter().copied().find(|state| *state != 0), last);
        script.wait_for_log("outcome=aborted", Duration::ZERO);
    }
}

#[test]
fn an_abort_ends_hanging_and_prefill_only_where_it_may() {
    for keys in [
        [("HANG_IN", "decode"), ("HANG_ABORTABLE", "1")],
        [("PREFILL_MS", "2000000"), ("PREFILL_ABORTABLE", "1")],
    ] {
        let script = Script::new();
        for (key, value) in keys {
            script.set(key, value);
        }
        let (status, recorder) = abort_at(&script, "run start");
        assert_eq!((status, recorder.states()), (0, vec![2]));
    }
}

#[test]
fn an_abort_may_be_ignored() {
    let script = Script::new();
    script.set("IGNORE_ABORT", 1).set("TOKENS", 2).set("PREFILL_MS", 1);
    let session = v1_2_0::Session::open(script.model()).unwrap();
    ABORT.set(Some((session.api.abort, session.handle)));
    let mut recorder = Recorder { hook: Some(|_| abort_here()), ..Recorder::default() };
    assert_eq!(session.run("", &mut recorder), 0);
    assert_eq!(recorder.states(), [0, 0, 2]);
    script.unset("IGNORE_ABORT");
    recorder.events.clear();
    assert_eq!(session.run("", &mut recorder), 0);
    assert_eq!(recorder.states(), [0, 2]);
    assert_eq!(session.destroy(), 0);
}

type AbortCall =
    (unsafe extern "C" fn(rkllm_sys::v1_2_0::LLMHandle) -> i32, rkllm_sys::v1_2_0::LLMHandle);

thread_local! {
    /// What callbacks on this thread abort.
    pub(crate) static ABORT: std::cell::Cell<Option<AbortCall>> = const { std::cell::Cell::new(None) };
}

pub(crate) fn abort_here() {
    if let Some((abort, handle)) = ABORT.get() {
        // SAFETY: the handle lives: this is called from its run.
        assert_eq!(unsafe { abort(handle) }, 0);
    }
}
