//! The headers that are bound, and what their modules are called.

use std::path::PathBuf;

use crate::workspace;

/// One C header and the module of `rkllm-sys` made from it.
#[derive(Debug)]
pub(super) struct Header {
    /// File name below `vendor/`.
    pub(super) file: &'static str,
    /// Name of the module, and of its file without `.rs`.
    pub(super) module: &'static str,
    /// First sentence of the module's documentation.
    pub(super) about: &'static str,
    /// What the function table is a table of.
    pub(super) title: &'static str,
    /// What the names of all its functions begin with.
    pub(super) prefix: &'static str,
}

/// All headers.
pub(super) const HEADERS: &[Header] = &[
    Header {
        file: "rkllm-1.1.h",
        module: "v1_1",
        about: "ABI generation 1.1, of runtimes 1.1.0 to 1.1.4.",
        title: "ABI generation 1.1",
        prefix: "rkllm_",
    },
    Header {
        file: "rkllm-1.2.0.h",
        module: "v1_2_0",
        about: "ABI generation 1.2.0, of runtime 1.2.0.",
        title: "ABI generation 1.2.0",
        prefix: "rkllm_",
    },
    Header {
        file: "rkllm-1.2.1.h",
        module: "v1_2_1",
        about: "ABI generation 1.2.1, of runtimes 1.2.1 to 1.2.3.",
        title: "ABI generation 1.2.1",
        prefix: "rkllm_",
    },
    Header {
        file: "rkllm-1.3.h",
        module: "v1_3",
        about: "ABI generation 1.3, of runtime 1.3.0.",
        title: "ABI generation 1.3",
        prefix: "rkllm_",
    },
    Header {
        file: "rkllm-ext.h",
        module: "ext",
        about: "Extension functions that the embedded runtime exports beside ABI generation 1.3.",
        title: "the embedded runtime's extensions",
        prefix: "rkllm_ext_",
    },
];

impl Header {
    /// Where the header is.
    pub(super) fn path(&self) -> PathBuf {
        workspace::root().join("vendor").join(self.file)
    }
}
