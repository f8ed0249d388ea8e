//! Python's methods on strings, lists and dictionaries.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

/// Calls a method that the engine itself does not have, at a price for the items it looks at.
pub(crate) fn call_method(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let containers = args.iter().chain([value]).filter(|value| value.kind() != ValueKind::String);
    let items: usize = containers.filter_map(Value::len).sum();
    state.consume_fuel(items as u64 / 2)?;
    if value.kind() == ValueKind::String {
        match (method, args) {
            // A format string may ask for any width, which would be allocated unseen.
            ("format", _) => return Err(Error::from(ErrorKind::UnknownMethod)),
            ("join", [items]) => check_strings(items)?,
            _ => {}
        }
    }
    pycompat::unknown_method_callback(state, value, method, args)
}

/// As in Python, and because a nested list may be written out at any length.
fn check_strings(items: &Value) -> Result<(), Error> {
    match items.try_iter()?.find(|item| item.kind() != ValueKind::String) {
        None => Ok(()),
        Some(item) => {
            let message = format!("join needs strings, not {}", item.kind());
            Err(Error::new(ErrorKind::InvalidOperation, message))
        }
    }
}
