//! How often one client may ask.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::client::Client;
use crate::error::{Code, Error};

/// Requests after which clients that did not ask lately are forgotten.
const SWEEP: u32 = 1024;

/// Counts the requests of each client.
#[derive(Debug)]
pub(super) struct Limit {
    per_minute: NonZeroU32,
    limiter: DefaultKeyedRateLimiter<Client>,
    clock: DefaultClock,
    since_sweep: AtomicU32,
}

impl Limit {
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        Self {
            per_minute,
            limiter: RateLimiter::keyed(Quota::per_minute(per_minute)),
            clock: DefaultClock::default(),
            since_sweep: AtomicU32::new(0),
        }
    }

    /// Counts one request; an error when it is one too many.
    pub(super) fn check(&self, client: Client) -> Result<(), Error> {
        if self.since_sweep.fetch_add(1, Ordering::Relaxed) >= SWEEP {
            self.since_sweep.store(0, Ordering::Relaxed);
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(&client).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            self.refusal(wait)
        })
    }

    fn refusal(&self, wait: Duration) -> Error {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let allowed = self.per_minute;
        let message = format!("more than {allowed} requests in a minute; try again in {seconds} s");
        Error { retry_after: Some(seconds), ..Error::new(Code::RateLimited, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_a_limit_of_its_own() {
        let limit = Limit::new(NonZeroU32::new(2).unwrap());
        limit.check(Client::Key(0)).unwrap();
        limit.check(Client::Key(0)).unwrap();
        let error = limit.check(Client::Key(0)).unwrap_err();
        assert_eq!(error.code, Code::RateLimited);
        let wait = error.retry_after.unwrap();
        assert!((1..=31).contains(&wait), "{wait}");
        assert!(error.message.starts_with("more than 2 requests in a minute; try again in"));
        limit.check(Client::Key(1)).unwrap();
        limit.check(Client::Unknown).unwrap();
    }

    #[test]
    fn forgetting_clients_does_not_lift_a_limit() {
        let limit = Limit::new(NonZeroU32::MIN);
        limit.check(Client::Key(0)).unwrap();
        for index in 1..=SWEEP as usize + 1 {
            limit.check(Client::Key(index)).unwrap();
        }
        limit.check(Client::Key(0)).unwrap_err();
    }
}
