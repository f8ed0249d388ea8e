//! How long a model stays loaded when nobody asks it anything.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::SpanParser;
use serde::de::{Deserializer, Error, Visitor};

use crate::registry::KeepAlive;

/// Reads a number of seconds. Whatever is negative means for ever, 0 means at once.
pub(crate) fn from_seconds(seconds: f64) -> Option<KeepAlive> {
    if seconds < 0.0 {
        return Some(KeepAlive::Forever);
    }
    Duration::try_from_secs_f64(seconds).ok().map(KeepAlive::For)
}

/// Reads a text such as `5m`, `1h30m`, `-1s` or, in seconds, `300`.
pub(crate) fn from_text(text: &str) -> Option<KeepAlive> {
    static PARSER: SpanParser = SpanParser::new();
    if let Ok(seconds) = text.parse() {
        return from_seconds(seconds);
    }
    let duration: SignedDuration = PARSER.parse_duration(text).ok()?;
    Some(Duration::try_from(duration).map_or(KeepAlive::Forever, KeepAlive::For))
}

/// Reads a number of seconds or a text, where serde does.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<KeepAlive>, D::Error> {
    from.deserialize_any(KeepAliveVisitor).map(Some)
}

struct KeepAliveVisitor;

impl KeepAliveVisitor {
    fn done<E: Error>(
        value: Option<KeepAlive>,
        said: impl std::fmt::Display,
    ) -> Result<KeepAlive, E> {
        let wrong = || E::custom(format_args!("{said} is no time; write seconds or \"5m\""));
        value.ok_or_else(wrong)
    }
}

impl Visitor<'_> for KeepAliveVisitor {
    type Value = KeepAlive;

    fn expecting(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str("seconds, or a time such as \"5m\"")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<KeepAlive, E> {
        Self::done(from_seconds(seconds as f64), seconds)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<KeepAlive, E> {
        Self::done(from_seconds(seconds as f64), seconds)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<KeepAlive, E> {
        Self::done(from_seconds(seconds), seconds)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<KeepAlive, E> {
        Self::done(from_text(text), format_args!("{text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(said: &Value) -> Result<KeepAlive, serde_json::Error> {
        deserialize(said).map(|read| read.expect("it reads nothing else"))
    }

    fn seconds(seconds: f64) -> KeepAlive {
        KeepAlive::For(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn times_as_clients_write_them() {
        for (said, meant) in [
            (json!("5m"), seconds(300.0)),
            (json!("1h30m"), seconds(5400.0)),
            (json!("1.5h"), seconds(5400.0)),
            (json!("300ms"), seconds(0.3)),
            (json!("300"), seconds(300.0)),
            (json!("0"), seconds(0.0)),
            (json!(0), seconds(0.0)),
            (json!(1800), seconds(1800.0)),
            (json!(0.5), seconds(0.5)),
            (json!(-1), KeepAlive::Forever),
            (json!(-0.5), KeepAlive::Forever),
            (json!("-1"), KeepAlive::Forever),
            (json!("-1s"), KeepAlive::Forever),
            (json!("-1m"), KeepAlive::Forever),
        ] {
            assert_eq!(read(&said).unwrap(), meant, "{said}");
        }
    }

    #[test]
    fn what_is_no_time_is_quoted() {
        for said in [json!("soon"), json!(""), json!("nan"), json!(1e300), json!(u64::MAX)] {
            let error = read(&said).unwrap_err().to_string();
            assert!(error.contains("is no time"), "{said}: {error}");
        }
        assert!(read(&json!(true)).unwrap_err().to_string().contains("5m"));
    }
}
