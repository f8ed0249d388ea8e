//! Safe, owning wrappers over the few llama.cpp calls that the runtime needs.
//!
//! They stand on the raw bindings because the runtime needs what higher-level wrappers do not
//! offer: stopping a computation from another thread, thread pools that outlive one
//! computation, and logits that the penalties change in place.

mod adapter;
mod batch;
mod chain;
mod context;
mod grammar;
mod model;
mod threads;

use std::sync::Once;

use llama_cpp_sys_2 as sys;

pub(crate) use adapter::Adapter;
pub(crate) use batch::Batch;
pub(crate) use chain::{Chain, Step};
pub(crate) use context::{BATCH, Context, ContextOptions, DecodeError};
pub(crate) use grammar::{Grammar, MAX_GRAMMAR};
pub(crate) use model::Model;

/// A token id of the model's vocabulary.
pub(crate) type Token = sys::llama_token;

/// Starts llama.cpp once per process; it is never shut down, since handles may come and go.
pub(crate) fn start() {
    static START: Once = Once::new();
    START.call_once(|| {
        // SAFETY: both are called once, before any other llama.cpp function of this crate, and
        // the log function is `'static`.
        unsafe {
            sys::llama_log_set(Some(crate::log::llama_line), std::ptr::null_mut());
            sys::llama_backend_init();
        }
    });
}
