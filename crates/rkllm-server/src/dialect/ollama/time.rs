//! Points in time and durations on this wire.

use std::fmt;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A point in time as RFC 3339 with nine digits of the second, `2026-01-02T03:04:05.123456789Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(Timestamp);

impl Time {
    pub(super) fn now() -> Self {
        Self(Timestamp::now())
    }

    /// What stands for never: far ahead, because programs want a date.
    pub(super) fn never() -> Self {
        /// 2318-04-11, where Ollama's own clock ends.
        const END: i64 = 10_991_548_800;
        Self(Timestamp::from_second(END).expect("within jiff's range"))
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        // What no calendar has can only come from a broken clock.
        Self(Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9}", self.0)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A duration as nanoseconds.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_with_a_fraction() {
        let at = |nanoseconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::new(1_767_323_045, nanoseconds);
            serde_json::to_string(&Time::from(time)).unwrap()
        };
        assert_eq!(at(123_456_789), r#""2026-01-02T03:04:05.123456789Z""#);
        assert_eq!(at(0), r#""2026-01-02T03:04:05.000000000Z""#);
        assert!(Time::never().to_string().starts_with("2318-"), "{}", Time::never());
    }
}
