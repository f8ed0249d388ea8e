//! Picks the next token: penalties, then the likeliest token or llama.cpp's chain, within a
//! constraint if there is one.

use std::collections::{HashMap, VecDeque};

use crate::constraint::Constraint;
use crate::error::Error;
use crate::item::Item;
use crate::llama::{Chain, Context, Step, Token};
use crate::sampling::Sampling;

/// Tokens that count as recent for the penalties, as in llama.cpp.
const RECENT: usize = 64;

/// Picks the tokens of one run.
#[derive(Debug)]
pub(crate) struct Sampler {
    penalties: Option<Penalties>,
    /// `None` picks the likeliest token, which needs no copy of the vocabulary.
    chain: Option<Chain>,
    constraint: Option<Constraint>,
}

impl Sampler {
    /// `seed` is for the draws; `prompt` is what the penalties know as recent.
    pub(crate) fn new(
        sampling: &Sampling,
        seed: u32,
        vocab: i32,
        prompt: &[Item],
    ) -> Result<Self, Error> {
        let chain = match steps(sampling, seed, vocab) {
            Some(steps) => Some(Chain::new(&steps).ok_or(Error::Sampler)?),
            None => None,
        };
        let penalties = sampling.has_penalties().then(|| Penalties::new(*sampling, prompt));
        Ok(Self { penalties, chain, constraint: None })
    }

    /// Picks only what the constraint allows, if there is one.
    pub(crate) fn within(self, constraint: Option<Constraint>) -> Self {
        Self { constraint, ..self }
    }

    /// Picks a token from the logits of a position of the last batch, as [`Context::logits`] counts.
    pub(crate) fn pick(&mut self, context: &mut Context, position: i32) -> Result<Token, Error> {
        if let Some(penalties) = &self.penalties {
            penalties.apply(context.logits(position).ok_or(Error::NoLogits)?);
        }
        let mut token = self.choose(context, position)?;
        if let Some(mut constraint) = self.constraint.take() {
            // Asking about one token is cheap, about the whole vocabulary is not.
            if !constraint.allows(token)? {
                constraint.mask(context.logits(position).ok_or(Error::NoLogits)?)?;
                token = self.choose(context, position)?;
                if !constraint.allows(token)? {
                    let reason = "it allows no token of this model here".to_owned();
                    return Err(Error::ConstraintStuck { reason });
                }
            }
            constraint.accept(token)?;
            self.constraint = Some(constraint);
        }
        if let Some(penalties) = &mut self.penalties {
            penalties.accept(token);
        }
        Ok(token)
    }

    fn choose(&mut self, context: &mut Context, position: i32) -> Result<Token, Error> {
        let logits = context.logits(position).ok_or(Error::NoLogits)?;
        Ok(match &mut self.chain {
            None => likeliest(logits),
            Some(chain) => chain.pick(context, position),
        })
    }
}

/// The links of the chain in llama.cpp's order; `None` if no chance is involved.
fn steps(sampling: &Sampling, seed: u32, vocab: i32) -> Option<Vec<Step>> {
    if sampling.is_greedy() {
        return None;
    }
    let (tau, eta) = (sampling.mirostat_tau, sampling.mirostat_eta);
    let temperature = Step::Temperature(sampling.temperature);
    Some(match sampling.mirostat {
        1 => vec![temperature, Step::Mirostat1 { vocab, seed, tau, eta }],
        2 => vec![temperature, Step::Mirostat2 { seed, tau, eta }],
        _ => vec![
            Step::TopK(sampling.top_k),
            Step::TopP(sampling.top_p),
            temperature,
            Step::Draw { seed },
        ],
    })
}

/// The index of the greatest number, the first of equals.
fn likeliest(logits: &[f32]) -> Token {
    // The greatest of each lane first: a loop that the compiler turns into vector code.
    const LANES: usize = 16;
    let mut greatest = [f32::NEG_INFINITY; LANES];
    for part in logits.chunks(LANES) {
        for (lane, &logit) in greatest.iter_mut().zip(part) {
            *lane = if logit > *lane { logit } else { *lane };
        }
    }
    let greatest = greatest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let index = logits.iter().position(|&logit| logit == greatest).unwrap_or(0);
    Token::try_from(index).unwrap_or(0)
}

/// Makes recent tokens less likely.
#[derive(Debug)]
struct Penalties {
    sampling: Sampling,
    recent: VecDeque<Token>,
    counts: HashMap<Token, u16>,
}

impl Penalties {
    fn new(sampling: Sampling, prompt: &[Item]) -> Self {
        let mut penalties = Self {
            sampling,
            recent: VecDeque::with_capacity(RECENT),
            counts: HashMap::with_capacity(RECENT + 1),
        };
        let recent = &prompt[prompt.len().saturating_sub(RECENT)..];
        for token in recent.iter().filter_map(Item::token) {
            penalties.accept(token);
        }
        penalties
    }

    fn accept(&mut self, token: Token) {
        if self.recent.len() == RECENT
            && let Some(oldest) = self.recent.pop_front()
            && let Some(count) = self.counts.get_mut(&oldest)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&oldest);
            }
        }
        self.recent.push_back(token);
        *self.counts.entry(token).or_default() += 1;
    }

    fn apply(&self, logits: &mut [f32]) {
        let Sampling { repeat_penalty, frequency_penalty, presence_penalty, .. } = self.sampling;
        for (&token, &count) in &self.counts {
            let Some(logit) = usize::try_from(token).ok().and_then(|i| logits.get_mut(i)) else {
                continue;
            };
            // Dividing would make a negative score better.
            *logit = if *logit <= 0.0 { *logit * repeat_penalty } else { *logit / repeat_penalty };
            *logit -= f32::from(count) * frequency_penalty + presence_penalty;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn penalties(change: impl FnOnce(&mut Sampling), prompt: &[Token]) -> Penalties {
        let mut sampling = Sampling { repeat_penalty: 1.0, ..Sampling::DEFAULT };
        change(&mut sampling);
        Penalties::new(sampling, &Item::of_tokens(prompt))
    }

    #[test]
    fn each_penalty_lowers_recent_tokens_only() {
        let mut logits = [4.0, -4.0, 1.0];
        penalties(|s| s.repeat_penalty = 2.0, &[0, 1]).apply(&mut logits);
        assert_eq!(logits, [2.0, -8.0, 1.0]);

        let mut logits = [4.0, 4.0, 1.0];
        penalties(|s| s.frequency_penalty = 0.5, &[0, 0, 1]).apply(&mut logits);
        assert_eq!(logits, [3.0, 3.5, 1.0]);

        let mut logits = [4.0, 4.0, 1.0];
        penalties(|s| s.presence_penalty = 0.5, &[0, 0, 1]).apply(&mut logits);
        assert_eq!(logits, [3.5, 3.5, 1.0]);
    }

    #[test]
    fn a_token_is_forgotten_after_sixty_four_others() {
        let mut penalties = penalties(|s| s.presence_penalty = 1.0, &[7]);
        for token in 8..71 {
            penalties.accept(token);
            assert!(penalties.counts.contains_key(&7));
        }
        penalties.accept(71);
        assert!(!penalties.counts.contains_key(&7));
        assert_eq!((penalties.counts.len(), penalties.recent.len()), (64, 64));
    }

    #[test]
    fn mirostat_replaces_top_k_and_top_p() {
        let sampling = Sampling { mirostat: 2, ..Sampling::DEFAULT };
        let expected = [Step::Temperature(0.8), Step::Mirostat2 { seed: 3, tau: 5.0, eta: 0.1 }];
        assert_eq!(steps(&sampling, 3, 10).expect("a chain"), expected);
        assert_eq!(steps(&Sampling { top_k: 1, ..sampling }, 3, 10), None);
    }

    proptest! {
        #[test]
        fn the_likeliest_is_the_first_greatest(logits in prop::collection::vec(-9.0_f32..9.0, 1..99)) {
            let found = logits[likeliest(&logits) as usize];
            prop_assert!(logits.iter().all(|&logit| logit <= found));
            let first = logits.iter().position(|&logit| logit == found);
            prop_assert_eq!(first, Some(likeliest(&logits) as usize));
        }
    }
}
