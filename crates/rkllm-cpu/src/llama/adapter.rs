//! A LoRA adapter: a small change of a model's weights.

use std::ffi::CStr;
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

/// An adapter of one model, which keeps it as long as it lives itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adapter(NonNull<sys::llama_adapter_lora>);

// SAFETY: an adapter is a heap object bound to no thread, and does not change once loaded.
unsafe impl Send for Adapter {}

impl Adapter {
    /// `None` if llama.cpp refuses the file.
    ///
    /// # Safety
    ///
    /// The model must be valid, and nothing else may load an adapter for it meanwhile.
    pub(super) unsafe fn load(model: *mut sys::llama_model, path: &CStr) -> Option<Self> {
        // SAFETY: the caller's promise; the path is NUL-terminated.
        NonNull::new(unsafe { sys::llama_adapter_lora_init(model, path.as_ptr()) }).map(Self)
    }

    pub(super) fn as_ptr(self) -> *mut sys::llama_adapter_lora {
        self.0.as_ptr()
    }
}
