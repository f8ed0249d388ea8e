//! When a child that crashed is started again.

use std::time::Duration;

use tokio::time::Instant;

/// Crashes in a row after which the model counts as failed.
const LIMIT: u32 = 5;
/// The pause before the second try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a model counts as failed before a request may try it again; twice as long each time.
const FIRST_REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Counts the crashes of a model's children between answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Breaker {
    crashes: u32,
    rests: u32,
    resting: Option<Instant>,
}

/// What to do after a crash.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start another child after this pause.
    Restart(Duration),
    /// Give up until a request comes after this rest.
    Rest(Duration),
}

impl Breaker {
    /// A child crashed or hung.
    pub(super) fn crashed(&mut self, now: Instant) -> Next {
        self.crashes += 1;
        if self.crashes >= LIMIT || self.rests > 0 {
            return Next::Rest(self.failed(now));
        }
        // The first crash may have been an accident.
        let doublings = self.crashes.checked_sub(2);
        Next::Restart(doublings.map_or(Duration::ZERO, |doublings| FIRST_PAUSE * (1 << doublings)))
    }

    /// The model cannot be loaded; returns for how long it counts as failed.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        let rest = FIRST_REST.saturating_mul(1 << self.rests.min(10)).min(LONGEST_REST);
        self.rests += 1;
        self.crashes = 0;
        self.resting = Some(now + rest);
        rest
    }

    /// An answer was completed.
    pub(super) fn worked(&mut self) {
        *self = Self::default();
    }

    /// Time for which the model still counts as failed.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        self.resting
            .map(|until| until.saturating_duration_since(now))
            .filter(|rest| !rest.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_model_counts_as_failed() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let pauses = [0, 100, 200, 400].map(|ms| Next::Restart(Duration::from_millis(ms)));
        for pause in pauses {
            assert_eq!(breaker.crashed(now), pause);
            assert_eq!(breaker.rest(now), None);
        }
        let rest = Duration::from_secs(10);
        assert_eq!(breaker.crashed(now), Next::Rest(rest));
        assert_eq!(breaker.rest(now), Some(rest));
        assert_eq!(breaker.rest(now + rest), None);
    }

    #[test]
    fn one_try_after_a_rest_and_the_next_rest_is_longer() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        breaker.failed(now);
        assert_eq!(breaker.crashed(now), Next::Rest(Duration::from_secs(20)));
        let longest = (0..40).map(|_| breaker.failed(now)).last();
        assert_eq!(longest, Some(LONGEST_REST));
    }

    #[test]
    fn an_answer_clears_the_record() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        breaker.failed(now);
        breaker.worked();
        assert_eq!(breaker.rest(now), None);
        assert_eq!(breaker.crashed(now), Next::Restart(Duration::ZERO));
    }
}
