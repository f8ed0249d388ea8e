//! What a handle is made with: the checked content of `RKLLMParam`.

use std::ffi::CString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::error::Error;
use crate::log;
use crate::sampling::Sampling;

/// Context of a handle whose caller leaves the choice to the runtime, if the model has as much.
const DEFAULT_CONTEXT: i32 = 4096;

/// Everything that `rkllm_init` is told about a model and its runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// The vendor's version whose interface the caller uses.
    pub(crate) version: &'static str,
    /// Texts before and after the rows of an image, where inputs do not bring them.
    pub(crate) image_tags: [CString; 2],
    pub(crate) path: CString,
    /// Positions in the KV cache; 0 or less leaves the choice to the runtime.
    pub(crate) max_context_len: i32,
    pub(crate) n_keep: i32,
    pub(crate) cpus: Cpus,
    /// Inputs that a run takes at once.
    pub(crate) inputs: u8,
    pub(crate) runs: RunDefaults,
}

/// How much a handle can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Positions that the conversation of an input may take.
    pub(crate) positions: usize,
    /// Inputs that a run takes at once.
    pub(crate) inputs: usize,
    /// Positions at the beginning that stay when the full context is shifted; negative for the
    /// system prompt.
    pub(crate) n_keep: i32,
}

/// What holds for every run that does not bring its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RunDefaults {
    /// Tokens that a run delivers at most; 0 or less for no limit but the context.
    pub(crate) max_new_tokens: i32,
    pub(crate) sampling: Sampling,
    pub(crate) skip_special: bool,
    pub(crate) ignore_end: bool,
}

/// The CPUs that the caller wants to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cpus {
    /// How many; 0 leaves the choice to the runtime.
    pub(crate) count: i8,
    /// Which; 0 for no wish.
    pub(crate) mask: u32,
}

/// Threads to compute with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadCounts {
    pub(crate) decode: i32,
    pub(crate) prefill: i32,
}

impl Options {
    /// The model's path for the file system.
    pub(crate) fn path(&self) -> Result<PathBuf, Error> {
        let path = self.path.to_str().map_err(|_| Error::NotUtf8 { what: "model_path" })?;
        Ok(PathBuf::from(path))
    }

    /// The context in tokens, given what the model was trained with.
    pub(crate) fn context(&self, trained: i32) -> Result<i32, Error> {
        let wanted = self.max_context_len;
        let context = if wanted <= 0 { trained.min(DEFAULT_CONTEXT) } else { wanted };
        if context > trained {
            return Err(Error::ContextLimit { wanted, limit: trained });
        }
        if self.n_keep >= context {
            return Err(Error::KeepLimit);
        }
        Ok(context)
    }
}

impl Cpus {
    /// How many threads to use on this machine.
    pub(crate) fn threads(self) -> Result<ThreadCounts, Error> {
        if self.count < 0 {
            return Err(Error::CpuCount(self.count));
        }
        if self.mask != 0
            && self.count != 0
            && self.mask.count_ones() != u32::from(self.count.unsigned_abs())
        {
            return Err(Error::CpuMask);
        }
        let machine = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(self.threads_on(i32::try_from(machine).unwrap_or(i32::MAX)))
    }

    fn threads_on(self, machine: i32) -> ThreadCounts {
        if self.mask != 0 {
            log::warning(format_args!(
                "enabled_cpus_mask {:#x} is not applied: the system places the threads",
                self.mask
            ));
        }
        let wanted = i32::from(self.count);
        if wanted == 0 {
            // ggml's threads wait for each other by spinning, so a decode on every core stalls
            // whenever another process needs one.
            return ThreadCounts { decode: (machine - 1).max(1), prefill: machine };
        }
        if wanted > machine {
            log::warning(format_args!(
                "enabled_cpus_num {wanted} is more than this machine has: {machine} CPUs are used"
            ));
        }
        let count = wanted.min(machine);
        ThreadCounts { decode: count, prefill: count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(max_context_len: i32, n_keep: i32) -> Options {
        let runs = RunDefaults {
            max_new_tokens: 0,
            sampling: Sampling::DEFAULT,
            skip_special: true,
            ignore_end: false,
        };
        let cpus = Cpus { count: 0, mask: 0 };
        let (version, image_tags) = ("", [CString::default(), CString::default()]);
        Options {
            version,
            image_tags,
            path: CString::default(),
            max_context_len,
            n_keep,
            cpus,
            inputs: 1,
            runs,
        }
    }

    #[test]
    fn the_context_is_the_models_or_smaller() {
        assert_eq!(options(0, -1).context(2048).expect("valid"), 2048);
        assert_eq!(options(-1, -1).context(131_072).expect("valid"), DEFAULT_CONTEXT);
        assert_eq!(options(8192, 0).context(8192).expect("valid"), 8192);
        let error = options(16_384, 0).context(4096).expect_err("too much").to_string();
        assert!(error.starts_with(
            "max_context[16384] must be less than the model's max_context_limit[4096]"
        ));
    }

    #[test]
    fn positions_to_keep_leave_room_for_others() {
        assert!(options(512, 511).context(2048).is_ok());
        assert!(matches!(options(512, 512).context(2048), Err(Error::KeepLimit)));
    }

    #[test]
    fn threads_leave_a_core_to_others_unless_told() {
        let on = |count, machine| {
            let threads = Cpus { count, mask: 0 }.threads_on(machine);
            (threads.decode, threads.prefill)
        };
        assert_eq!(on(0, 8), (7, 8));
        assert_eq!(on(0, 1), (1, 1));
        assert_eq!(on(4, 8), (4, 4));
        assert_eq!(on(4, 2), (2, 2));
    }

    #[test]
    fn count_and_mask_must_agree() {
        assert!(matches!(Cpus { count: 4, mask: 0b11 }.threads(), Err(Error::CpuMask)));
        assert!(matches!(Cpus { count: -1, mask: 0 }.threads(), Err(Error::CpuCount(-1))));
        assert!(Cpus { count: 4, mask: 0xf0 }.threads().is_ok());
    }
}
