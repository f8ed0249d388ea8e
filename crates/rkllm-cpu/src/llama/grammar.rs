//! llama.cpp's grammar: which tokens may come next.

use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;

use llama_cpp_sys_2 as sys;

use super::{Model, Token};

/// Longest grammar that is parsed, in bytes.
pub(crate) const MAX_GRAMMAR: usize = 64 << 10;

/// Stack of the thread that parses: enough for [`MAX_GRAMMAR`] bytes of opening brackets, since
/// llama.cpp's parser calls itself for each of them. Untouched pages of it cost nothing.
const PARSER_STACK: usize = 64 << 20;

/// A grammar and how far the output has come in it.
///
/// A clone goes its own way from there.
#[derive(Debug)]
pub(crate) struct Grammar {
    sampler: NonNull<sys::llama_sampler>,
    /// The grammar reads the vocabulary.
    _model: Arc<Model>,
}

// SAFETY: a sampler is a heap object bound to no thread; all use of it goes through `&mut`.
unsafe impl Send for Grammar {}

impl Grammar {
    /// `None` if llama.cpp refuses the grammar, which then says why in its log.
    pub(crate) fn new(model: &Arc<Model>, text: &CStr) -> Option<Self> {
        let parse = || {
            // SAFETY: the vocabulary is valid, and kept so by the model beside the sampler; both
            // texts are NUL-terminated and are copied.
            let sampler = unsafe {
                sys::llama_sampler_init_grammar(model.vocab(), text.as_ptr(), c"root".as_ptr())
            };
            NonNull::new(sampler).map(|sampler| Self { sampler, _model: Arc::clone(model) })
        };
        thread::scope(|scope| {
            let parser = thread::Builder::new().stack_size(PARSER_STACK);
            parser.spawn_scoped(scope, parse).ok()?.join().ok()?
        })
    }

    /// Whether `token`, which must be of the vocabulary, may come next.
    pub(crate) fn allows(&mut self, token: Token) -> bool {
        let mut candidate = [sys::llama_token_data { id: token, logit: 0.0, p: 0.0 }];
        self.apply(&mut candidate);
        candidate[0].logit == 0.0
    }

    /// Makes every token impossible that may not come next.
    pub(crate) fn mask(&mut self, logits: &mut [f32]) {
        let candidate = |(id, &logit): (Token, &f32)| sys::llama_token_data { id, logit, p: 0.0 };
        let mut candidates: Vec<_> = (0..).zip(logits.iter()).map(candidate).collect();
        self.apply(&mut candidates);
        for (logit, candidate) in logits.iter_mut().zip(candidates) {
            *logit = candidate.logit;
        }
    }

    fn apply(&mut self, candidates: &mut [sys::llama_token_data]) {
        let mut array = sys::llama_token_data_array {
            data: candidates.as_mut_ptr(),
            size: candidates.len(),
            selected: -1,
            sorted: false,
        };
        // SAFETY: the sampler is valid, the array lives during the call, and its ids are of the
        // vocabulary. A grammar changes scores in place.
        unsafe { sys::llama_sampler_apply(self.sampler.as_ptr(), &raw mut array) };
    }

    /// Goes on behind `token`, which must be one that [`Self::allows`].
    pub(crate) fn accept(&mut self, token: Token) {
        // SAFETY: the sampler is valid; llama.cpp fails only for tokens that are not allowed.
        unsafe { sys::llama_sampler_accept(self.sampler.as_ptr(), token) };
    }
}

impl Clone for Grammar {
    fn clone(&self) -> Self {
        // SAFETY: the sampler is valid.
        let copy = unsafe { sys::llama_sampler_clone(self.sampler.as_ptr()) };
        let sampler = NonNull::new(copy).expect("llama.cpp clones a grammar or ends the process");
        Self { sampler, _model: Arc::clone(&self._model) }
    }
}

impl Drop for Grammar {
    fn drop(&mut self) {
        // SAFETY: made by `llama_sampler_init_grammar`, and freed once.
        unsafe { sys::llama_sampler_free(self.sampler.as_ptr()) };
    }
}
