//! How long a model stays in memory.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Time that a model stays in memory after its last request; on the wire a number of seconds or a text such as `"5m"`.
///
/// Whatever is negative is for ever, 0 is until the end of the request.
///
/// ```
/// # use rkllm_api::KeepAlive;
/// let text: KeepAlive = serde_json::from_str(r#""1h30m""#).unwrap();
/// let seconds: KeepAlive = serde_json::from_str("-1").unwrap();
/// assert_eq!(text, KeepAlive::Text("1h30m".into()));
/// assert_eq!(seconds, KeepAlive::Seconds(-1.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum KeepAlive {
    /// `"keep_alive": 300`
    Seconds(f64),
    /// `"keep_alive": "5m"`: numbers with units, or a number of seconds.
    Text(String),
}

// Not derived: serde's untagged enums lose the position of an error and what was expected.
impl<'de> Deserialize<'de> for KeepAlive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeepAliveVisitor)
    }
}

struct KeepAliveVisitor;

impl Visitor<'_> for KeepAliveVisitor {
    type Value = KeepAlive;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, or a time such as \"5m\"")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<KeepAlive, E> {
        Ok(KeepAlive::Seconds(seconds as f64))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<KeepAlive, E> {
        Ok(KeepAlive::Seconds(seconds as f64))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<KeepAlive, E> {
        Ok(KeepAlive::Seconds(seconds))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<KeepAlive, E> {
        Ok(KeepAlive::Text(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_type_is_refused_with_what_was_expected() {
        let error = serde_json::from_str::<KeepAlive>("true").unwrap_err();
        insta::assert_snapshot!(error, @r#"invalid type: boolean `true`, expected seconds, or a time such as "5m" at line 1 column 4"#);
    }

    #[test]
    fn round_trip() {
        for json in ["0.5", "-1.0", "\"5m\""] {
            let said: KeepAlive = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&said).unwrap(), json);
        }
        assert_eq!(serde_json::from_str::<KeepAlive>("300").unwrap(), KeepAlive::Seconds(300.0));
    }
}
