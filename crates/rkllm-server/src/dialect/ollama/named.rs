//! The model that a request names.

use crate::error::{Code, Error};

/// The name; there must be one.
pub(super) fn required(name: Option<String>) -> Result<String, Error> {
    given(name).ok_or_else(|| {
        let mut error = Error::invalid("model is required");
        error.param = Some("model".to_owned());
        error
    })
}

/// The name; nothing is the name of no model.
pub(super) fn existing(name: Option<String>) -> Result<String, Error> {
    given(name).ok_or_else(|| Error::new(Code::ModelNotFound, "model '' not found"))
}

/// The name in a body that may have it in either of two fields.
pub(super) fn either(model: Option<String>, name: Option<String>) -> Result<String, Error> {
    required(given(model).or(name))
}

fn given(name: Option<String>) -> Option<String> {
    name.filter(|name| !name.trim().is_empty())
}
