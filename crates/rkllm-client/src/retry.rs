//! Which failures are worth another attempt, and when.

use std::time::{Duration, SystemTime};

use crate::Error;

/// Longest wait that a server can ask for.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// Wait before the first repetition when the server asks for none; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How long to wait before attempt number `attempt + 1`, or `None` if it would be pointless or harmful.
///
/// Only failures at which the server has not begun to work on the request qualify: no connection, or a refusal that is meant to
/// pass.
pub(crate) fn wait(error: &Error, attempt: u32) -> Option<Duration> {
    let asked = match error {
        Error::Connect { .. } => None,
        Error::Api { status: 429 | 503, retry_after, .. } => *retry_after,
        _ => return None,
    };
    let backoff = FIRST_WAIT.saturating_mul(2u32.saturating_pow(attempt));
    Some(asked.unwrap_or(backoff).min(MAX_WAIT))
}

/// Reads the header `Retry-After`: seconds, or the date of the next attempt.
pub(crate) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(header.trim()).ok()?;
    // A date that has passed means now.
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiBody;

    fn refused(status: u16, retry_after: Option<Duration>) -> Error {
        Error::Api { status, body: ApiBody::Text(String::new()), retry_after }
    }

    #[test]
    fn only_refusals_that_pass_are_tried_again() {
        for status in [429, 503] {
            assert_eq!(wait(&refused(status, None), 0), Some(FIRST_WAIT));
        }
        for status in [200, 400, 401, 404, 500, 502, 504] {
            assert_eq!(wait(&refused(status, Some(FIRST_WAIT)), 0), None, "{status}");
        }
        assert!(wait(&Error::Truncated { url: String::new() }, 0).is_none());
    }

    #[test]
    fn the_wait_doubles_and_is_capped() {
        let waits: Vec<_> =
            [1, 2, 8, 9, 40].map(|n| wait(&refused(503, None), n).unwrap().as_millis()).into();
        assert_eq!(waits, [400, 800, 51_200, 60_000, 60_000]);
    }

    #[test]
    fn the_server_is_obeyed_within_reason() {
        let asked = |seconds| wait(&refused(503, Some(Duration::from_secs(seconds))), 0).unwrap();
        assert_eq!(asked(0), Duration::ZERO);
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(3600), MAX_WAIT);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |header| retry_after(header, now).map(|wait| wait.as_secs());
        assert_eq!(read(" 7 "), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
