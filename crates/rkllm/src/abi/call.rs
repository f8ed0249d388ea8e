//! The calls that differ between generations in presence only.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::path::Path;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::raw::{c_path, c_text};
use super::{Abi, Running, Table};
use crate::options::Lora;
use crate::{Capability, CrossAttention, Error};

/// The same expression for the table of every generation listed.
macro_rules! each {
    ($table:expr, $($variant:ident)|+, $api:ident => $call:expr) => {
        match &$table {
            $(Table::$variant($api) => Some($call),)+
            #[allow(unreachable_patterns)] // when all are listed
            _ => None,
        }
    };
}

/// How often an asynchronous run is looked at.
const GLANCE: Duration = Duration::from_millis(1);

/// Waits until the last callback has come and the runtime is idle again. Some runs end without a
/// last callback; the runtime being idle for two glances is their end.
pub(super) fn wait_for_end(over: &AtomicBool, running: &Running<'_>) {
    let mut idle = 0;
    while idle < 2 {
        if running() {
            idle = 0;
        } else if over.load(Ordering::Acquire) {
            return;
        } else {
            idle += 1;
        }
        std::thread::sleep(GLANCE);
    }
}

/// All functions here share one contract: `handle` came from `init` of this table and is alive, and
/// but for `abort` and `is_running` no run is under way on it.
impl Abi {
    /// Turns the status of a call that only succeeds or fails into a result.
    pub(crate) fn called(&self, function: &'static str, status: c_int) -> Result<(), Error> {
        match status {
            0 => Ok(()),
            _ => Err(self.failed(function, status.into())),
        }
    }

    /// A call that failed just now on this thread.
    #[cold]
    pub(crate) fn failed(&self, function: &'static str, status: i64) -> Error {
        Error::Call { function, status, reason: self.reason() }
    }

    /// Why the last call on this thread failed, where the runtime can be asked.
    pub(crate) fn reason(&self) -> Option<String> {
        let ask = self.ext.as_ref()?.last_error;
        let mut text = vec![0_u8; 1024];
        // SAFETY: the text is as long as said.
        let length = unsafe { ask(text.as_mut_ptr().cast(), text.len()) };
        text.truncate(usize::try_from(length).unwrap_or(0));
        Some(String::from_utf8_lossy(&text).into_owned()).filter(|text| !text.is_empty())
    }

    fn lacks(&self, capability: Capability) -> Error {
        Error::Unsupported { capability, runtime: self.name.clone() }
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn abort(&self, handle: NonNull<c_void>) {
        // SAFETY: the caller's promise; `rkllm_abort` may be called from any thread.
        each!(self.table, V1_1 | V1_2_0 | V1_2_1 | V1_3, api => unsafe {
            (api.abort)(handle.as_ptr())
        });
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn is_running(&self, handle: NonNull<c_void>) -> bool {
        // 1 while it runs, in all versions, whatever the comments of older headers say (vendor's
        // word, rknn-llm issue 502).
        // SAFETY: the caller's promise.
        each!(self.table, V1_1 | V1_2_0 | V1_2_1 | V1_3, api => unsafe {
            (api.is_running)(handle.as_ptr())
        }) == Some(1)
    }

    /// # Safety
    /// The contract above, and the handle is not used again.
    pub(crate) unsafe fn destroy(&self, handle: NonNull<c_void>) {
        // SAFETY: the caller's promise. A refusal leaves nothing that could be done.
        each!(self.table, V1_1 | V1_2_0 | V1_2_1 | V1_3, api => unsafe {
            (api.destroy)(handle.as_ptr())
        });
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn load_lora(
        &self,
        handle: NonNull<c_void>,
        lora: &Lora,
    ) -> Result<(), Error> {
        let path = c_path(&lora.path)?;
        let name = c_text("the LoRA adapter's name", &lora.name)?;
        macro_rules! load {
            ($generation:ident, $api:expr) => {{
                let mut adapter = rkllm_sys::$generation::RKLLMLoraAdapter {
                    lora_adapter_path: path.as_ptr(),
                    lora_adapter_name: name.as_ptr(),
                    scale: lora.scale,
                };
                // SAFETY: the caller's promise; the texts live until the call returns.
                unsafe { ($api.load_lora)(handle.as_ptr(), &mut adapter) }
            }};
        }
        let status = match &self.table {
            Table::V1_1(api) => load!(v1_1, api),
            Table::V1_2_0(api) => load!(v1_2_0, api),
            Table::V1_2_1(api) => load!(v1_2_1, api),
            Table::V1_3(api) => load!(v1_3, api),
        };
        self.called("rkllm_load_lora", status)
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn load_prompt_cache(
        &self,
        handle: NonNull<c_void>,
        path: &Path,
    ) -> Result<(), Error> {
        let path = c_path(path)?;
        // SAFETY: the caller's promise; the path lives until the call returns.
        let status = each!(self.table, V1_1 | V1_2_0 | V1_2_1 | V1_3, api => unsafe {
            (api.load_prompt_cache)(handle.as_ptr(), path.as_ptr())
        });
        self.called("rkllm_load_prompt_cache", status.unwrap_or(-1))
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn release_prompt_cache(&self, handle: NonNull<c_void>) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        let status = each!(self.table, V1_1 | V1_2_0 | V1_2_1 | V1_3, api => unsafe {
            (api.release_prompt_cache)(handle.as_ptr())
        });
        self.called("rkllm_release_prompt_cache", status.unwrap_or(-1))
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn clear_kv_cache(
        &self,
        handle: NonNull<c_void>,
        keep_system_prompt: bool,
    ) -> Result<(), Error> {
        let (handle, keep) = (handle.as_ptr(), c_int::from(keep_system_prompt));
        let status = match &self.table {
            Table::V1_1(_) => return Err(self.lacks(Capability::History)),
            // SAFETY: the caller's promise.
            Table::V1_2_0(api) => unsafe { (api.clear_kv_cache)(handle, keep) },
            // SAFETY: the caller's promise; two null pointers mean the whole cache.
            Table::V1_2_1(api) => unsafe {
                (api.clear_kv_cache)(handle, keep, null_mut(), null_mut())
            },
            // SAFETY: as above.
            Table::V1_3(api) => unsafe {
                (api.clear_kv_cache)(handle, keep, null_mut(), null_mut())
            },
        };
        self.called("rkllm_clear_kv_cache", status)
    }

    /// Takes one range of positions per entry of the batch out of the cache.
    ///
    /// # Safety
    /// The contract above, and there are as many ranges as the session's batch.
    pub(crate) unsafe fn clear_kv_ranges(
        &self,
        handle: NonNull<c_void>,
        ranges: &[Range<u32>],
    ) -> Result<(), Error> {
        let bound = |of: fn(&Range<u32>) -> u32| -> Vec<c_int> {
            ranges.iter().map(|range| super::raw::to_c(of(range))).collect()
        };
        let (mut starts, mut ends) = (bound(|range| range.start), bound(|range| range.end));
        let (starts, ends) = (starts.as_mut_ptr(), ends.as_mut_ptr());
        // SAFETY: the caller's promise; both arrays are as long as the batch.
        let status = each!(self.table, V1_2_1 | V1_3, api => unsafe {
            (api.clear_kv_cache)(handle.as_ptr(), 0, starts, ends)
        });
        let status = status.ok_or_else(|| self.lacks(Capability::Pause))?;
        self.called("rkllm_clear_kv_cache", status)
    }

    /// Positions in the cache of each entry of the batch.
    ///
    /// # Safety
    /// The contract above, and the session's batch is `batch`.
    pub(crate) unsafe fn kv_cache_sizes(
        &self,
        handle: NonNull<c_void>,
        batch: usize,
    ) -> Result<Vec<u32>, Error> {
        // The runtime writes one number per entry, whatever the caller wants.
        let mut sizes = vec![0; batch];
        // SAFETY: the caller's promise; the array is as long as the batch.
        let status = each!(self.table, V1_2_1 | V1_3, api => unsafe {
            (api.get_kv_cache_size)(handle.as_ptr(), sizes.as_mut_ptr())
        });
        let status = status.ok_or_else(|| self.lacks(Capability::KvCacheSize))?;
        self.called("rkllm_get_kv_cache_size", status)?;
        Ok(sizes.into_iter().map(|size| u32::try_from(size).unwrap_or(0)).collect())
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn set_chat_template(
        &self,
        handle: NonNull<c_void>,
        texts: [&str; 3],
    ) -> Result<(), Error> {
        let system = c_text("the system prompt", texts[0])?;
        let prefix = c_text("the prompt prefix", texts[1])?;
        let postfix = c_text("the prompt postfix", texts[2])?;
        let (system, prefix, postfix) = (system.as_ptr(), prefix.as_ptr(), postfix.as_ptr());
        // SAFETY: the caller's promise; the texts live until the call returns.
        let status = each!(self.table, V1_2_0 | V1_2_1 | V1_3, api => unsafe {
            (api.set_chat_template)(handle.as_ptr(), system, prefix, postfix)
        });
        let status = status.ok_or_else(|| self.lacks(Capability::ChatTemplate))?;
        self.called("rkllm_set_chat_template", status)
    }

    /// # Safety
    /// The contract above.
    pub(crate) unsafe fn set_function_tools(
        &self,
        handle: NonNull<c_void>,
        texts: [&str; 3],
    ) -> Result<(), Error> {
        let system = c_text("the system prompt", texts[0])?;
        let tools = c_text("the tools", texts[1])?;
        let response = c_text("the tool response mark", texts[2])?;
        let (system, tools, response) = (system.as_ptr(), tools.as_ptr(), response.as_ptr());
        // SAFETY: the caller's promise; the texts live until the call returns.
        let status = each!(self.table, V1_2_1 | V1_3, api => unsafe {
            (api.set_function_tools)(handle.as_ptr(), system, tools, response)
        });
        let status = status.ok_or_else(|| self.lacks(Capability::FunctionTools))?;
        self.called("rkllm_set_function_tools", status)
    }

    /// # Safety
    /// The contract above; the arrays are as long as the model reads, and stay where they are until
    /// they are replaced or the handle is gone.
    pub(crate) unsafe fn set_cross_attention(
        &self,
        handle: NonNull<c_void>,
        states: &mut CrossAttention,
    ) -> Result<(), Error> {
        macro_rules! set {
            ($generation:ident, $api:expr) => {{
                let mut params = rkllm_sys::$generation::RKLLMCrossAttnParam {
                    encoder_k_cache: states.keys.as_mut_ptr(),
                    encoder_v_cache: states.values.as_mut_ptr(),
                    encoder_mask: states.mask.as_mut_ptr(),
                    encoder_pos: states.positions.as_mut_ptr(),
                    num_tokens: super::raw::to_c(states.tokens),
                };
                // SAFETY: the caller's promise.
                unsafe { ($api.set_cross_attn_params)(handle.as_ptr(), &mut params) }
            }};
        }
        let status = match &self.table {
            Table::V1_2_1(api) => set!(v1_2_1, api),
            Table::V1_3(api) => set!(v1_3, api),
            Table::V1_1(_) | Table::V1_2_0(_) => {
                return Err(self.lacks(Capability::CrossAttention));
            }
        };
        self.called("rkllm_set_cross_attn_params", status)
    }
}
