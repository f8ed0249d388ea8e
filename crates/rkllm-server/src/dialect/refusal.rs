//! Errors that name the field at fault.

use crate::error::{Code, Error};

/// A field whose value cannot be used.
pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Error {
    Error { param: Some(param.into()), ..Error::invalid(message) }
}

/// A field that asks for what cannot be done here.
pub(super) fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Error {
    Error { param: Some(param.into()), ..Error::new(Code::Unsupported, message) }
}
