//! The name that a client gives one of its requests.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Longest id in bytes of JSON.
const MAX: usize = 200;

/// A string or an integer, kept as the JSON that goes back with every event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(Box<str>);

impl Id {
    pub(super) fn json(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an id that is neither a string nor an integer")]
        enum Wire {
            Number(i64),
            Text(String),
        }
        let json = match Wire::deserialize(deserializer)? {
            Wire::Number(number) => number.to_string(),
            Wire::Text(text) => serde_json::Value::from(text).to_string(),
        };
        if json.len() > MAX {
            return Err(D::Error::custom(format_args!(
                "an id of {} bytes; at most {MAX} are allowed",
                json.len()
            )));
        }
        Ok(Self(json.into()))
    }
}
