//! Stop strings.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Strings that end an answer where they appear; on the wire one string or a list of strings.
///
/// ```
/// # use rkllm_api::Stop;
/// let one: Stop = serde_json::from_str(r#""\n""#).unwrap();
/// let many: Stop = serde_json::from_str(r#"["\n", "User:"]"#).unwrap();
/// assert_eq!(one.as_slice(), ["\n"]);
/// assert_eq!(many.as_slice(), ["\n", "User:"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Stop {
    /// `"stop": "…"`
    One(String),
    /// `"stop": ["…", "…"]`
    Many(Vec<String>),
}

impl Stop {
    /// All stop strings.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(string) => std::slice::from_ref(string),
            Self::Many(strings) => strings,
        }
    }

    /// All stop strings, owned.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(string) => vec![string],
            Self::Many(strings) => strings,
        }
    }
}

// Not derived: serde's untagged enums lose the position of an error and what was expected.
impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StopVisitor)
    }
}

struct StopVisitor;

impl<'de> Visitor<'de> for StopVisitor {
    type Value = Stop;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_str<E>(self, string: &str) -> Result<Stop, E> {
        Ok(Stop::One(string.to_owned()))
    }

    fn visit_string<E>(self, string: String) -> Result<Stop, E> {
        Ok(Stop::One(string))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Stop, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Stop::Many)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn stop() -> impl Strategy<Value = Stop> {
        prop_oneof![any::<String>().prop_map(Stop::One), any::<Vec<String>>().prop_map(Stop::Many),]
    }

    #[test]
    fn another_type_is_refused_with_what_was_expected() {
        let refused = |json| serde_json::from_str::<Stop>(json).unwrap_err();
        insta::assert_snapshot!(refused("7"), @"invalid type: integer `7`, expected a string or a list of strings at line 1 column 1");
        insta::assert_snapshot!(refused(r#"["a", 7]"#), @"invalid type: integer `7`, expected a string at line 1 column 7");
    }

    proptest! {
        #[test]
        fn round_trip(stop in stop()) {
            let json = serde_json::to_string(&stop).unwrap();
            let back: Stop = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&back, &stop);
            prop_assert_eq!(back.as_slice().to_vec(), stop.into_vec());
        }
    }
}
