//! What tests of the registry have in common.

use std::time::Duration;

use super::{Defaults, KeepAlive};
use crate::generate::Tuning;
use crate::worker::Limits;

/// A server without flags.
pub(super) fn defaults() -> Defaults {
    let minute = Duration::from_secs(60);
    let limits = Limits {
        queue_depth: 1,
        queue_timeout: minute,
        load_timeout: minute,
        token_timeout: minute,
    };
    Defaults {
        sampling: Tuning::default(),
        context: None,
        threads: None,
        soc: None,
        runtime: None,
        lora: None,
        prompt_cache: None,
        limits,
        load_timeout: None,
        keep_alive: KeepAlive::For(minute),
        memory_budget: 1 << 30,
        prefix_cache: None,
    }
}
