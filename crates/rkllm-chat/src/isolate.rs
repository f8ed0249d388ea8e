//! A place where a hostile template may recurse deeply or panic.

use std::thread;

use crate::Error;

/// Stack for the template engine, in bytes of address space; only what is used takes memory.
///
/// The engine recurses once per link of a chain of operators (at most one per byte of source, some
/// 500 bytes of stack each) and once per level of a nested value (at most one per seven units of
/// fuel), without a limit of its own. Some 150 MB are the most that either can use on x86-64; without
/// optimisation arm64 needs more than 256 MB.
const STACK: usize = 512 << 20;

/// Runs the engine on a thread with a stack that its deepest recursion fits in.
///
/// # Errors
///
/// [`Error::NoThread`] when the system has no room for the thread, [`Error::EnginePanicked`] when
/// the engine panics.
pub(crate) fn isolate<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    thread::scope(|scope| {
        thread::Builder::new()
            .name("chat-template".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(Error::NoThread)?
            .join()
            .map_err(|_| Error::EnginePanicked)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let result = isolate(|| -> u8 { std::panic::resume_unwind(Box::new("engine")) });
        assert!(matches!(result, Err(Error::EnginePanicked)));
    }
}
