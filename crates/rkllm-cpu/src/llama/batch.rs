//! What one computation evaluates.

use std::ptr;

use llama_cpp_sys_2 as sys;

use super::Token;

/// Positions to evaluate: tokens or rows of embeddings, never both.
///
/// Each comes after what its sequence has in the cache.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    tokens: Vec<Token>,
    rows: Vec<f32>,
    sequences: Vec<sys::llama_seq_id>,
    outputs: Vec<i8>,
    /// One per position, as llama.cpp wants it.
    ones: Vec<i32>,
    places: Vec<*mut sys::llama_seq_id>,
}

impl Batch {
    /// Adds a token to a sequence; `output` asks for its scores.
    pub(crate) fn push_token(&mut self, sequence: usize, token: Token, output: bool) {
        self.tokens.push(token);
        self.push(sequence, output);
    }

    /// Adds a row of the model's embedding width to a sequence.
    pub(crate) fn push_row(&mut self, sequence: usize, row: &[f32], output: bool) {
        self.rows.extend_from_slice(row);
        self.push(sequence, output);
    }

    fn push(&mut self, sequence: usize, output: bool) {
        // Sequences are entries of a batch, of which there are 100 at most.
        self.sequences.push(sys::llama_seq_id::try_from(sequence).unwrap_or(0));
        self.outputs.push(i8::from(output));
        self.ones.push(1);
    }

    pub(crate) fn len(&self) -> usize {
        self.sequences.len()
    }

    /// The same for llama.cpp, which only reads it, although its type says otherwise.
    ///
    /// It points into this value, which must stay as it is while the result is in use.
    pub(super) fn lend(&mut self) -> sys::llama_batch {
        self.places.clear();
        self.places.extend(self.sequences.iter_mut().map(ptr::from_mut));
        sys::llama_batch {
            n_tokens: i32::try_from(self.sequences.len()).unwrap_or(i32::MAX),
            token: pointer(&mut self.tokens),
            embd: pointer(&mut self.rows),
            pos: ptr::null_mut(),
            n_seq_id: self.ones.as_mut_ptr(),
            seq_id: self.places.as_mut_ptr(),
            logits: self.outputs.as_mut_ptr(),
        }
    }
}

fn pointer<T>(values: &mut Vec<T>) -> *mut T {
    if values.is_empty() { ptr::null_mut() } else { values.as_mut_ptr() }
}
