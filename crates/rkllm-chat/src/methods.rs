//! Python's methods on strings, lists and dictionaries.

use minijinja::value::{Tuple, Value, ValueKind, from_args};
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
        if let Some(result) = value.as_str().and_then(|text| string_method(text, method, args)) {
            return result;
        }
    }
    pycompat::unknown_method_callback(state, value, method, args)
}

/// The methods of strings that the engine's own collection lacks.
fn string_method(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let whole = || Value::from(text);
    Some(match method {
        "removeprefix" => from_args(args)
            .map(|(prefix,): (&str,)| text.strip_prefix(prefix).map_or_else(whole, Value::from)),
        "removesuffix" => from_args(args)
            .map(|(suffix,): (&str,)| text.strip_suffix(suffix).map_or_else(whole, Value::from)),
        "partition" => from_args(args).map(|(at,): (&str,)| match text.split_once(at) {
            Some((before, after)) => tuple([before, at, after]),
            None => tuple([text, "", ""]),
        }),
        "rpartition" => from_args(args).map(|(at,): (&str,)| match text.rsplit_once(at) {
            Some((before, after)) => tuple([before, at, after]),
            None => tuple(["", "", text]),
        }),
        "rsplit" => from_args(args).map(|(separator, count): (Option<&str>, Option<i64>)| {
            rsplit(text, separator, count.and_then(|count| usize::try_from(count).ok()))
        }),
        _ => return None,
    })
}

fn tuple(parts: [&str; 3]) -> Value {
    Value::from(Tuple::from(parts.map(Value::from)))
}

/// Splits at most so many times, beginning at the end; at white space without a separator.
fn rsplit(text: &str, separator: Option<&str>, count: Option<usize>) -> Value {
    let mut parts = Vec::new();
    let mut rest = text;
    while count.is_none_or(|count| parts.len() < count) {
        let split = match separator {
            Some(separator) => rest.rsplit_once(separator),
            None => rest.trim_end().rsplit_once(char::is_whitespace),
        };
        let Some((before, after)) = split else { break };
        parts.push(after);
        rest = before;
    }
    let rest = if separator.is_none() { rest.trim_end() } else { rest };
    parts.extend(Some(rest).filter(|rest| separator.is_some() || !rest.trim().is_empty()));
    parts.into_iter().rev().map(Value::from).collect()
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
