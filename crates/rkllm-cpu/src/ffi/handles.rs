//! The live handles of this process.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::Arc;

use parking_lot::Mutex;
use rkllm_sys::v1_3::LLMHandle;

use crate::engine::Engine;
use crate::error::Error;

/// Handles are numbers that are never used twice, not addresses: a stale or made-up handle is
/// told from a live one without touching memory.
static LIVE: Mutex<Table> = Mutex::new(Table { last: 0, engines: BTreeMap::new() });

struct Table {
    last: usize,
    engines: BTreeMap<usize, Arc<Engine>>,
}

/// Gives an engine a handle.
pub(super) fn insert(engine: Engine) -> LLMHandle {
    let mut table = LIVE.lock();
    table.last += 1;
    let number = table.last;
    table.engines.insert(number, Arc::new(engine));
    ptr::without_provenance_mut(number)
}

/// The engine of a handle.
pub(super) fn find(handle: LLMHandle) -> Result<Arc<Engine>, Error> {
    LIVE.lock().engines.get(&handle.addr()).cloned().ok_or(Error::UnknownHandle)
}

/// Ends a handle.
pub(super) fn remove(handle: LLMHandle) {
    // Dropping the engine frees the model, which others need not wait for.
    let engine = LIVE.lock().engines.remove(&handle.addr());
    drop(engine);
}
