//! ABI generations, and which versions follow which.

use std::fmt;
use std::str::FromStr;

use crate::Version;

/// A binary interface that some versions of the runtime share.
///
/// ```
/// use rkllm_sys::{Generation, Version};
///
/// let version: Version = "1.2.3".parse()?;
/// assert_eq!(Generation::of(&version)?, Generation::V1_2_1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// Versions 1.1.0 to 1.1.4: module [`v1_1`](crate::v1_1).
    V1_1,
    /// Version 1.2.0: module [`v1_2_0`](crate::v1_2_0).
    V1_2_0,
    /// Versions 1.2.1 to 1.2.3: module [`v1_2_1`](crate::v1_2_1).
    V1_2_1,
    /// Version 1.3.0: module [`v1_3`](crate::v1_3).
    V1_3,
}

/// Why a version cannot be used, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The version is older than the oldest generation.
    #[error(
        "runtime {version} is too old: versions before 1.1.0 have no common interface with later \
         ones; install runtime 1.1.0 or newer and convert the model again"
    )]
    TooOld {
        /// The version found.
        version: Version,
    },
    /// The version is a preview, whose interface is that of no release.
    #[error(
        "runtime {version} is a preview with an interface of its own; install the release \
         {}.{}.{} or a newer one", .version.major, .version.minor, .version.patch
    )]
    Preview {
        /// The version found.
        version: Version,
    },
    /// The version is not among the known ones, so its interface is not known either.
    #[error(
        "runtime {version} is unknown, and calling it with the wrong interface would crash; \
         install runtime 1.3.0, or state which ABI generation it follows ({})",
        names()
    )]
    Unknown {
        /// The version found.
        version: Version,
    },
}

/// A text names no generation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no ABI generation; choose one of {}", names())]
pub struct ParseGenerationError {
    /// The text.
    pub text: String,
}

impl Generation {
    /// All generations, oldest first.
    pub const ALL: [Self; 4] = [Self::V1_1, Self::V1_2_0, Self::V1_2_1, Self::V1_3];

    /// The generation that a version follows.
    ///
    /// # Errors
    ///
    /// Why the version cannot be used. Only known releases are accepted, because a wrong guess
    /// crashes the process.
    pub fn of(version: &Version) -> Result<Self, Unsupported> {
        let numbers = version.numbers();
        let refusal = |reason: fn(Version) -> Unsupported| Err(reason(version.clone()));
        if numbers < (1, 1, 0) {
            return refusal(|version| Unsupported::TooOld { version });
        }
        let generation = match numbers {
            (1, 1, 0..=4) => Self::V1_1,
            (1, 2, 0) => Self::V1_2_0,
            (1, 2, 1..=3) => Self::V1_2_1,
            (1, 3, 0) => Self::V1_3,
            _ => return refusal(|version| Unsupported::Unknown { version }),
        };
        match version.suffix {
            None => Ok(generation),
            Some(_) => refusal(|version| Unsupported::Preview { version }),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1",
            Self::V1_2_0 => "1.2.0",
            Self::V1_2_1 => "1.2.1",
            Self::V1_3 => "1.3",
        }
    }
}

fn names() -> String {
    Generation::ALL.map(Generation::name).join(", ")
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Generation {
    type Err = ParseGenerationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|generation| generation.name() == text);
        named.ok_or_else(|| ParseGenerationError { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> Result<Generation, Unsupported> {
        Generation::of(&version.parse().unwrap())
    }

    #[test]
    fn every_release_has_its_generation() {
        use Generation::{V1_1, V1_2_0, V1_2_1, V1_3};
        for (versions, generation) in [
            (&["1.1.0", "1.1.1", "1.1.2", "1.1.3", "1.1.4"][..], V1_1),
            (&["1.2.0"], V1_2_0),
            (&["1.2.1", "1.2.2", "1.2.3"], V1_2_1),
            (&["1.3.0"], V1_3),
        ] {
            assert!(versions.iter().all(|version| of(version) == Ok(generation)));
        }
    }

    #[test]
    fn refusals_name_the_version_and_what_to_do() {
        for (version, words) in [
            ("1.0.1", ["too old", "install runtime 1.1.0"]),
            ("0.9.0b2", ["too old", "install runtime 1.1.0"]),
            ("1.2.1b1", ["preview", "install the release 1.2.1"]),
            ("1.1.5", ["unknown", "(1.1, 1.2.0, 1.2.1, 1.3)"]),
            ("1.2.4", ["unknown", "state which ABI generation"]),
            ("1.3.1b1", ["unknown", "install runtime 1.3.0"]),
            ("2.0.0", ["unknown", "install runtime 1.3.0"]),
        ] {
            let message = of(version).unwrap_err().to_string();
            assert!(message.contains(&format!("runtime {version} is")), "{message}");
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for generation in Generation::ALL {
            assert_eq!(generation.to_string().parse(), Ok(generation));
        }
        let message = "1.2".parse::<Generation>().unwrap_err().to_string();
        assert_eq!(message, "`1.2` is no ABI generation; choose one of 1.1, 1.2.0, 1.2.1, 1.3");
    }
}
