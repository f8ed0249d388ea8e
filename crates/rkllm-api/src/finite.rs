//! Numbers that JSON can carry.

use serde::ser::Error;
use serde::{Serialize, Serializer};

/// Refuses NaN and infinity, which JSON writers would turn into `null`, that is, into a field that was not said.
pub(crate) fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(number) if !number.is_finite() => Err(S::Error::custom(format_args!(
            "JSON has no way to write the number {number}; give a finite one"
        ))),
        value => value.serialize(to),
    }
}
