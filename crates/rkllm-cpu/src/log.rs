//! The runtime's own lines on standard error, and what becomes of llama.cpp's.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::fmt::Display;
use std::io::Write as _;
use std::sync::OnceLock;

use llama_cpp_sys_2 as sys;
use parking_lot::Mutex;

/// The first error that llama.cpp reported since [`explained`] began; `None` outside it.
static FIRST_ERROR: Mutex<Option<String>> = Mutex::new(None);

thread_local! {
    /// The last error line, for callers who want to say it themselves.
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// `RKLLM_LOG_LEVEL` when it was first asked for; 0 if unset or not a number.
fn level() -> u32 {
    static LEVEL: OnceLock<u32> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        std::env::var("RKLLM_LOG_LEVEL").ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    })
}

/// A line for those who look into runs: numbers only, never what was said.
pub(crate) fn trace(message: impl Display) {
    if level() >= 2 {
        info(message);
    }
}

/// Whether runs end with a table of times.
pub(crate) fn tells_performance() -> bool {
    level() >= 1
}

fn line(kind: char, message: impl Display) {
    // A program that closed its standard error must not fail for that.
    let _ = writeln!(std::io::stderr(), "{kind} rkllm: {message}");
}

pub(crate) fn info(message: impl Display) {
    line('I', message);
}

pub(crate) fn warning(message: impl Display) {
    line('W', message);
}

pub(crate) fn error(message: impl Display) {
    let message = message.to_string();
    line('E', &message);
    LAST_ERROR.set(message);
}

/// The last error line of this thread; empty if there was none.
pub(crate) fn last_error() -> String {
    LAST_ERROR.with_borrow(Clone::clone)
}

/// Runs `work` and returns beside its result the first error that llama.cpp logged meanwhile.
///
/// llama.cpp logs from whatever thread it works on, so one caller at a time is let in.
pub(crate) fn explained<T>(work: impl FnOnce() -> T) -> (T, Option<String>) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    *FIRST_ERROR.lock() = Some(String::new());
    let result = work();
    let error = FIRST_ERROR.lock().take().filter(|text| !text.is_empty());
    (result, error)
}

/// Receives llama.cpp's log: dropped unless `RKLLM_LOG_LEVEL` is at least 2.
pub(crate) unsafe extern "C" fn llama_line(
    level_of_line: sys::ggml_log_level,
    text: *const c_char,
    _: *mut c_void,
) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp passes a NUL-terminated string that lives until we return.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    if level_of_line == sys::GGML_LOG_LEVEL_ERROR
        && let Some(first) = FIRST_ERROR.lock().as_mut()
        && first.is_empty()
    {
        *first = reason(&text).to_owned();
    }
    if level() >= 2 {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// The part of a llama.cpp line that says what is wrong: without the name of the C++ function.
fn reason(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(": ") {
        Some((function, rest)) if !function.contains(' ') => rest.trim(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_no_function_name() {
        assert_eq!(reason("gguf_init: bad magic\n"), "bad magic");
        assert_eq!(reason("tensor 'x' is: cut off"), "tensor 'x' is: cut off");
        assert_eq!(reason("plain"), "plain");
    }
}
