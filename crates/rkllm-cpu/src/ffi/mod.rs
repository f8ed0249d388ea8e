//! The C functions: each reads its arguments, calls into the safe part and answers with a code.

pub(crate) mod cache;
pub(crate) mod ext;
pub(crate) mod extras;
pub(crate) mod handles;
mod input;
pub(crate) mod lifecycle;
mod read;
pub(crate) mod run;
pub(crate) mod v1_2_1;

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;
use crate::log;

/// Success.
const OK: c_int = 0;

/// Runs the body of a C function: no panic leaves it, and every failure is told in one line.
fn guard<T: From<i8>>(function: &str, body: impl FnOnce() -> Result<T, Error>) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => {
            log::error(error);
            T::from(-1)
        }
        Err(_) => {
            log::error(format_args!("{function}: internal fault; destroy the handle"));
            T::from(-1)
        }
    }
}
