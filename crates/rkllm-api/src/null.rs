//! `null` as another way to leave a field out.

use serde::{Deserialize, Deserializer};

/// Reads `null` as the default value, for fields that are not an `Option`.
pub(crate) fn as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
