//! Constraints on answers, through the extension functions.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;

use rkllm_sys::ext::LLMHandle;

use super::Abi;
use super::raw::c_text;
use crate::{Capability, Constraint, Error};

/// What `rkllm_ext_set_constraint` and `rkllm_ext_check_constraint` have in common.
type Function = unsafe extern "C" fn(LLMHandle, u32, *const c_char) -> c_int;

impl Abi {
    /// Holds the next run to a constraint.
    ///
    /// # Safety
    /// `handle` came from `init` of this table, is alive and has no run under way.
    pub(super) unsafe fn set_constraint(
        &self,
        handle: NonNull<c_void>,
        constraint: &Constraint,
    ) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { self.pass(self.ext()?.set_constraint, handle, constraint) }
    }

    /// Tells whether a run could be held to a constraint.
    ///
    /// # Safety
    /// `handle` came from `init` of this table and is alive.
    pub(crate) unsafe fn check_constraint(
        &self,
        handle: NonNull<c_void>,
        constraint: &Constraint,
    ) -> Result<(), Error> {
        self.require(Capability::Constraint)?;
        // SAFETY: the caller's promise.
        unsafe { self.pass(self.ext()?.check_constraint, handle, constraint) }
    }

    /// # Safety
    /// The function may be called with `handle` now.
    unsafe fn pass(
        &self,
        function: Function,
        handle: NonNull<c_void>,
        constraint: &Constraint,
    ) -> Result<(), Error> {
        let (notation, text) = constraint.parts();
        let text = c_text("the constraint", &text)?;
        // SAFETY: the caller's promise; the text lives until the call returns.
        match unsafe { function(handle.as_ptr(), notation, text.as_ptr()) } {
            0 => Ok(()),
            status => Err(Error::Constraint {
                reason: self.reason().unwrap_or_else(|| format!("the runtime returned {status}")),
            }),
        }
    }
}
