//! Tests of values (`x is iterable`) about which Python and the engine disagree.

use minijinja::value::{Value, ValueKind};

/// Whether Python could loop over the value: the engine can over `none`, too.
pub(crate) fn is_iterable(value: &Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// Whether Python knows a length and items of the value; of texts and dictionaries it does.
pub(crate) fn is_sequence(value: &Value) -> bool {
    let has_items = [ValueKind::Seq, ValueKind::Map, ValueKind::String, ValueKind::Undefined];
    has_items.contains(&value.kind())
}
