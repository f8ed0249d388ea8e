//! The KV cache together with the tokens that are in it.

use crate::llama::{Context, DecodeError, Model, Token};

/// A context whose cache content is known, so that the next prompt evaluates only what is new.
#[derive(Debug)]
pub(crate) struct Cache {
    context: Context,
    tokens: Vec<Token>,
}

impl Cache {
    pub(crate) fn new(context: Context) -> Self {
        Self { context, tokens: Vec::new() }
    }

    pub(crate) fn model(&self) -> &Model {
        self.context.model()
    }

    pub(crate) fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Positions in the cache.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Keeps the longest prefix that the cache shares with `sequence`, and returns its length.
    ///
    /// At least the last token of `sequence` is left to evaluate, since only that gives logits.
    pub(crate) fn reuse(&mut self, sequence: &[Token]) -> usize {
        let most = sequence.len().saturating_sub(1);
        self.keep_prefix(&sequence[..most]);
        self.len()
    }

    /// Keeps the longest prefix that the cache shares with `sequence`.
    pub(crate) fn keep_prefix(&mut self, sequence: &[Token]) {
        self.truncate(common_prefix(&self.tokens, sequence));
    }

    /// Forgets all positions from `length` on, or everything if the model cannot forget a part.
    fn truncate(&mut self, length: usize) {
        if length >= self.len() {
            return;
        }
        if length > 0 && self.context.remove(length, self.len()) {
            self.tokens.truncate(length);
        } else {
            self.clear();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.context.clear();
        self.tokens.clear();
    }

    /// Forgets the positions `start..end`; later ones move forward. `false` if the model cannot.
    pub(crate) fn remove(&mut self, start: usize, end: usize) -> bool {
        let removed = self.context.remove(start, end);
        if removed {
            self.tokens.drain(start..end);
        }
        removed
    }

    /// Evaluates tokens at the positions after those in the cache.
    pub(crate) fn evaluate(&mut self, tokens: &[Token]) -> Result<(), DecodeError> {
        let result = self.context.decode(tokens);
        self.tokens.extend_from_slice(tokens);
        if result.is_err() {
            self.recover();
        }
        result
    }

    /// Brings tokens and positions together again after an evaluation that did not finish.
    fn recover(&mut self) {
        // A state that folds all tokens into one cannot tell which of them it holds.
        if self.model().is_recurrent() {
            self.clear();
        } else {
            self.tokens.truncate(self.context.positions());
        }
    }
}

/// How many tokens two sequences have in common at their beginning.
fn common_prefix(a: &[Token], b: &[Token]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_prefix_ends_at_the_first_difference() {
        assert_eq!(common_prefix(&[1, 2, 3], &[1, 2, 4, 3]), 2);
        assert_eq!(common_prefix(&[1, 2], &[1, 2, 3]), 2);
        assert_eq!(common_prefix(&[1], &[2]), 0);
        assert_eq!(common_prefix(&[], &[1]), 0);
    }
}
