//! The nine numbers that say how a token is picked.

use crate::error::Error;

/// How tokens are picked. Always valid: made by [`Sampling::check`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampling {
    /// Keep only so many of the likeliest tokens; 0 or less keeps all.
    pub(crate) top_k: i32,
    /// Keep the likeliest tokens up to this sum of probabilities.
    pub(crate) top_p: f32,
    /// 0 or less always picks the likeliest token.
    pub(crate) temperature: f32,
    /// Divides the score of recent tokens; 1 changes nothing.
    pub(crate) repeat_penalty: f32,
    /// Subtracted from the score of a recent token for each time it occurred.
    pub(crate) frequency_penalty: f32,
    /// Subtracted once from the score of every recent token.
    pub(crate) presence_penalty: f32,
    /// 0 for none, or the version of Mirostat, which replaces top-k and top-p.
    pub(crate) mirostat: i32,
    /// The surprise that Mirostat aims at.
    pub(crate) mirostat_tau: f32,
    /// How fast Mirostat learns.
    pub(crate) mirostat_eta: f32,
}

impl Sampling {
    /// The documented defaults.
    pub(crate) const DEFAULT: Self = Self {
        top_k: 40,
        top_p: 0.9,
        temperature: 0.8,
        repeat_penalty: 1.1,
        frequency_penalty: 0.0,
        presence_penalty: 0.0,
        mirostat: 0,
        mirostat_tau: 5.0,
        mirostat_eta: 0.1,
    };

    /// The same numbers, if a token can be picked with them.
    pub(crate) fn check(self) -> Result<Self, Error> {
        let number = |name, value: f32, rule, holds: bool| {
            if value.is_finite() && holds {
                Ok(())
            } else {
                Err(Error::Sampling { name, rule, value })
            }
        };
        let range = 0.0..=1.0;
        number("top_p", self.top_p, "between 0 and 1", range.contains(&self.top_p))?;
        number("temperature", self.temperature, "a number", true)?;
        number("repeat_penalty", self.repeat_penalty, "greater than 0", self.repeat_penalty > 0.0)?;
        number("frequency_penalty", self.frequency_penalty, "a number", true)?;
        number("presence_penalty", self.presence_penalty, "a number", true)?;
        if !(0..=2).contains(&self.mirostat) {
            let value = i64::from(self.mirostat);
            return Err(Error::UnknownValue { name: "mirostat", value });
        }
        let unused = self.mirostat == 0;
        let tau_holds = unused || self.mirostat_tau > 0.0;
        number("mirostat_tau", self.mirostat_tau, "greater than 0", tau_holds)?;
        let eta_holds = unused || self.mirostat_eta > 0.0;
        number("mirostat_eta", self.mirostat_eta, "greater than 0", eta_holds)?;
        Ok(self)
    }

    /// Whether the likeliest token is picked without chance.
    pub(crate) fn is_greedy(&self) -> bool {
        self.temperature <= 0.0 || self.top_k == 1
    }

    /// Whether recent tokens change the scores.
    pub(crate) fn has_penalties(&self) -> bool {
        self.repeat_penalty != 1.0 || self.frequency_penalty != 0.0 || self.presence_penalty != 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Sampling)) -> String {
        let mut sampling = Sampling::DEFAULT;
        change(&mut sampling);
        sampling.check().expect_err("must be refused").to_string()
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Sampling::DEFAULT.check().expect("valid"), Sampling::DEFAULT);
    }

    #[test]
    fn each_impossible_number_is_named() {
        assert!(refused(|s| s.top_p = -0.1).starts_with("top_p must be between 0 and 1"));
        assert!(refused(|s| s.top_p = f32::NAN).contains("got NaN"));
        assert!(refused(|s| s.temperature = f32::INFINITY).starts_with("temperature "));
        assert!(refused(|s| s.repeat_penalty = 0.0).starts_with("repeat_penalty "));
        assert!(refused(|s| s.frequency_penalty = f32::NAN).starts_with("frequency_penalty "));
        assert!(refused(|s| s.presence_penalty = f32::NAN).starts_with("presence_penalty "));
        assert!(refused(|s| s.mirostat = 3).starts_with("mirostat has the unknown value 3"));
        assert!(refused(|s| (s.mirostat, s.mirostat_tau) = (1, 0.0)).starts_with("mirostat_tau "));
        assert!(refused(|s| s.mirostat_eta = f32::NAN).starts_with("mirostat_eta "));
    }

    #[test]
    fn greedy_needs_no_chance() {
        let greedy =
            |top_k, temperature| Sampling { top_k, temperature, ..Sampling::DEFAULT }.is_greedy();
        assert!(greedy(1, 0.8) && greedy(40, 0.0) && greedy(40, -1.0));
        assert!(!greedy(40, 0.8) && !greedy(0, 0.1));
    }
}
