//! llama.cpp's chain of samplers.

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use super::{Context, Token};

/// Surprise values that Mirostat 1 looks at, as in its paper and in llama.cpp.
const MIROSTAT_M: i32 = 100;

/// One link of a chain. The last link of a chain picks the token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    TopK(i32),
    TopP(f32),
    Temperature(f32),
    Draw { seed: u32 },
    Mirostat1 { vocab: i32, seed: u32, tau: f32, eta: f32 },
    Mirostat2 { seed: u32, tau: f32, eta: f32 },
}

/// A chain of samplers that ends with one that picks a token.
#[derive(Debug)]
pub(crate) struct Chain(NonNull<sys::llama_sampler>);

// SAFETY: a chain is a heap object bound to no thread; all use of it goes through `&mut`.
unsafe impl Send for Chain {}

impl Chain {
    /// `None` if llama.cpp could not make it.
    pub(crate) fn new(steps: &[Step]) -> Option<Self> {
        // SAFETY: the parameters are passed by value; the result is checked.
        let chain = NonNull::new(unsafe {
            sys::llama_sampler_chain_init(sys::llama_sampler_chain_params { no_perf: true })
        })
        .map(Self)?;
        for step in steps {
            let sampler = NonNull::new(step.make())?;
            // SAFETY: both are valid; the chain takes ownership of the sampler.
            unsafe { sys::llama_sampler_chain_add(chain.0.as_ptr(), sampler.as_ptr()) };
        }
        Some(chain)
    }

    /// Picks a token from the logits of an evaluated position of `context`, as in
    /// [`Context::logits`], which must have given some.
    pub(crate) fn pick(&mut self, context: &mut Context, position: i32) -> Token {
        // SAFETY: the chain is valid and ends with a picking step; `Context` has logits, as the
        // caller has seen.
        unsafe { sys::llama_sampler_sample(self.0.as_ptr(), context.as_ptr(), position) }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // SAFETY: made by `llama_sampler_chain_init`, and freed once; it owns its samplers.
        unsafe { sys::llama_sampler_free(self.0.as_ptr()) };
    }
}

impl Step {
    fn make(self) -> *mut sys::llama_sampler {
        // SAFETY: the constructors take plain numbers and have no preconditions.
        unsafe {
            match self {
                Self::TopK(k) => sys::llama_sampler_init_top_k(k),
                Self::TopP(p) => sys::llama_sampler_init_top_p(p, 1),
                Self::Temperature(t) => sys::llama_sampler_init_temp(t),
                Self::Draw { seed } => sys::llama_sampler_init_dist(seed),
                Self::Mirostat1 { vocab, seed, tau, eta } => {
                    sys::llama_sampler_init_mirostat(vocab, seed, tau, eta, MIROSTAT_M)
                }
                Self::Mirostat2 { seed, tau, eta } => {
                    sys::llama_sampler_init_mirostat_v2(seed, tau, eta)
                }
            }
        }
    }
}
