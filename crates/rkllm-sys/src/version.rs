//! The version of a runtime.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The version of a runtime as its banner says it, such as `1.3.0` or `1.2.1b1`.
///
/// A version with a suffix is a preview and comes before the one without; suffixes are
/// compared as text.
///
/// ```
/// use rkllm_sys::Version;
///
/// let preview: Version = "1.2.1b1".parse()?;
/// assert!(preview < "1.2.1".parse()?);
/// assert_eq!(preview.to_string(), "1.2.1b1");
/// # Ok::<(), rkllm_sys::ParseVersionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number: the ABI changes with it.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
    /// What follows the numbers, such as `b1`.
    pub suffix: Option<String>,
}

/// A text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no runtime version; write three numbers, such as 1.3.0")]
pub struct ParseVersionError {
    /// The text.
    pub text: String,
}

impl Version {
    /// The three numbers.
    pub(crate) fn numbers(&self) -> (u16, u16, u16) {
        (self.major, self.minor, self.patch)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let released = |version: &Self| version.suffix.is_none();
        self.numbers()
            .cmp(&other.numbers())
            .then_with(|| released(self).cmp(&released(other)))
            .then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = self.suffix.as_deref().unwrap_or_default();
        write!(f, "{}.{}.{}{suffix}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseVersionError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Version> {
    let (major, rest) = text.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (patch, suffix) = rest.split_at(digits);
    let in_suffix = |c: char| c.is_ascii_alphanumeric() || "-+._".contains(c);
    suffix.chars().all(in_suffix).then_some(())?;
    Some(Version {
        major: number(major)?,
        minor: number(minor)?,
        patch: number(patch)?,
        suffix: (!suffix.is_empty()).then(|| suffix.to_owned()),
    })
}

/// Digits only: the parser of the standard library would take a sign as well.
fn number(text: &str) -> Option<u16> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn reads_numbers_and_suffix() {
        let suffix = Some("b1".to_owned());
        assert_eq!(version("1.2.1b1"), Version { major: 1, minor: 2, patch: 1, suffix });
        assert_eq!(version("10.0.3").numbers(), (10, 0, 3));
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in ["", "1", "1.2", "1.2.", "1..2", ".1.2", "+1.2.3", "1.2.3 ", "1.2.70000", "%s"]
        {
            assert_eq!(text.parse::<Version>(), Err(ParseVersionError { text: text.to_owned() }));
        }
    }

    #[test]
    fn previews_come_before_their_release() {
        let sorted = ["1.0.2", "1.2.0", "1.2.1b1", "1.2.1b2", "1.2.1", "1.2.3", "1.10.0"];
        assert!(sorted.windows(2).all(|pair| version(pair[0]) < version(pair[1])));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            (major, minor, patch) in any::<(u16, u16, u16)>(),
            suffix in proptest::option::of("[a-z][a-z0-9]{0,5}"),
        ) {
            let version = Version { major, minor, patch, suffix };
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Version>();
        }
    }
}
