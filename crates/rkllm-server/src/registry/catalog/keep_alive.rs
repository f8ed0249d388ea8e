//! How long a model stays loaded when nobody asks it anything.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::SpanParser;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Time between the last answer and unloading: seconds (`300`, `1.5`), or a text such as `"5m"`,
/// `"1h30m"` or `"300"`. Whatever is negative means for ever, 0 means at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// Until somebody unloads it.
    Forever,
    /// This long; with zero it is unloaded as soon as it has nothing to do.
    For(Duration),
}

impl KeepAlive {
    /// Reads a number of seconds.
    pub(crate) fn from_seconds(seconds: f64) -> Option<Self> {
        if seconds < 0.0 {
            return Some(Self::Forever);
        }
        Duration::try_from_secs_f64(seconds).ok().map(Self::For)
    }

    /// Reads a text.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        static PARSER: SpanParser = SpanParser::new();
        if let Ok(seconds) = text.parse() {
            return Self::from_seconds(seconds);
        }
        let duration: SignedDuration = PARSER.parse_duration(text).ok()?;
        Some(Duration::try_from(duration).map_or(Self::Forever, Self::For))
    }
}

impl<'de> Deserialize<'de> for KeepAlive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeepAliveVisitor)
    }
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
        Self::done(KeepAlive::from_seconds(seconds as f64), seconds)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<KeepAlive, E> {
        Self::done(KeepAlive::from_seconds(seconds as f64), seconds)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<KeepAlive, E> {
        Self::done(KeepAlive::from_seconds(seconds), seconds)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<KeepAlive, E> {
        Self::done(KeepAlive::from_text(text), format_args!("{text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

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
            assert_eq!(from_value::<KeepAlive>(said.clone()).unwrap(), meant, "{said}");
        }
    }

    #[test]
    fn what_is_no_time_is_quoted() {
        for said in [json!("soon"), json!(""), json!("nan"), json!(1e300), json!(u64::MAX)] {
            let error = from_value::<KeepAlive>(said.clone()).unwrap_err().to_string();
            assert!(error.contains("is no time"), "{said}: {error}");
        }
        assert!(from_value::<KeepAlive>(json!(true)).unwrap_err().to_string().contains("5m"));
    }
}
