//! The caller's own lookup of embeddings.

use std::ffi::{c_int, c_void};

use crate::llama::Token;

/// Looks up the rows of tokens in place of the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedder {
    pub(crate) function:
        unsafe extern "C" fn(*mut c_void, *mut i32, u64, *mut c_void, u64) -> c_int,
    pub(crate) userdata: *mut c_void,
}

// SAFETY: the runtime hands `userdata` on without reading it; the caller knows that runs call
// back from their thread.
unsafe impl Send for Embedder {}

impl Embedder {
    /// The rows of `tokens`, of `width` numbers each, or the code by which the caller refused.
    pub(crate) fn rows(&self, tokens: &[Token], width: usize) -> Result<Vec<f32>, c_int> {
        let mut tokens = tokens.to_vec();
        let mut rows = vec![0.0_f32; tokens.len() * width];
        // SAFETY: tokens and rows have the lengths passed, the latter in bytes, and the function
        // has the type that the ABI asks for.
        let code = unsafe {
            let (ids, count) = (tokens.as_mut_ptr(), tokens.len() as u64);
            let (room, bytes) = (rows.as_mut_ptr().cast(), size_of_val(rows.as_slice()) as u64);
            (self.function)(self.userdata, ids, count, room, bytes)
        };
        if code < 0 { Err(code) } else { Ok(rows) }
    }
}
