//! How long a model stays in memory, in all the ways that clients say it.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use crate::error::Error;
use crate::registry::KeepAlive;

/// Longest time that is not forever, in seconds: ten years.
const LONGEST: f64 = 315_360_000.0;

/// Reads a number of seconds, or a duration such as `5m`, `1h30m`, `-1s`; below zero is forever.
pub(super) fn parse(value: Option<&Value>) -> Result<Option<KeepAlive>, Error> {
    let seconds = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => seconds(text.trim()),
        Some(_) => None,
    };
    match seconds {
        Some(seconds) if !(0.0..=LONGEST).contains(&seconds) => Ok(Some(KeepAlive::Forever)),
        Some(seconds) => Ok(Some(KeepAlive::For(Duration::from_secs_f64(seconds)))),
        None => Err(refused(value)),
    }
}

fn seconds(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some(seconds);
    }
    text.parse::<SignedDuration>().ok().map(|duration| duration.as_secs_f64())
}

fn refused(value: Option<&Value>) -> Error {
    let shown: String = match value {
        Some(value @ (Value::String(_) | Value::Bool(_))) => {
            value.to_string().chars().take(40).collect()
        }
        _ => "neither".to_owned(),
    };
    let mut error = Error::invalid(format!(
        "time: invalid duration: keep_alive is {shown}; send seconds, or a text such as \"5m\", where -1 \
         is forever and 0 unloads the model after this request"
    ));
    error.param = Some("keep_alive".to_owned());
    error
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form() {
        let seconds = |seconds| Some(KeepAlive::For(Duration::from_secs_f64(seconds)));
        for (value, expected) in [
            (json!(null), None),
            (json!(300), seconds(300.0)),
            (json!(0.5), seconds(0.5)),
            (json!(0), seconds(0.0)),
            (json!("0"), seconds(0.0)),
            (json!("0s"), seconds(0.0)),
            (json!("5m"), seconds(300.0)),
            (json!("24h"), seconds(86_400.0)),
            (json!("1h30m"), seconds(5_400.0)),
            (json!("1.5h"), seconds(5_400.0)),
            (json!("300ms"), seconds(0.3)),
            (json!("300"), seconds(300.0)),
            (json!(-1), Some(KeepAlive::Forever)),
            (json!("-1"), Some(KeepAlive::Forever)),
            (json!("-1s"), Some(KeepAlive::Forever)),
            (json!("-1m"), Some(KeepAlive::Forever)),
            (json!(1e300), Some(KeepAlive::Forever)),
        ] {
            assert_eq!(parse(Some(&value)).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for value in
            [json!("soon"), json!(""), json!("5 parsecs"), json!("nan"), json!(true), json!([5])]
        {
            let error = parse(Some(&value)).unwrap_err().message;
            assert!(error.contains("keep_alive is "), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".{0,12}") {
            let _ = parse(Some(&Value::String(text)));
        }
    }
}
