//! What earlier runs on a handle leave to the next one.

use crate::llama::Token;

/// The tokens that the next run continues.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    tokens: Vec<Token>,
    /// The token by which the model ended its last answer; not among `tokens`.
    end: Option<Token>,
    /// The last run was paused by its callback.
    paused: Option<Paused>,
}

/// A run that its callback paused.
#[derive(Debug, Clone, Copy)]
struct Paused {
    keep_history: bool,
}

impl Conversation {
    /// After a run that keeps the history: `end` is the token that ended the answer, if any.
    pub(crate) fn kept(tokens: Vec<Token>, end: Option<Token>) -> Self {
        Self { tokens, end, paused: None }
    }

    /// After a run that its callback paused.
    pub(crate) fn paused(tokens: Vec<Token>, keep_history: bool) -> Self {
        Self { tokens, end: None, paused: Some(Paused { keep_history }) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Whether positions of the cache may be cleared by range.
    pub(crate) fn may_be_edited(&self) -> bool {
        self.paused.is_some_and(|paused| !paused.keep_history)
    }

    /// Tokens of history.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The history with `input` after it.
    ///
    /// The token that ended the last answer comes between, unless `input` begins with it.
    pub(crate) fn followed_by(&self, input: &[Token]) -> Vec<Token> {
        let end = self.end.filter(|end| input.first() != Some(end));
        [self.tokens.as_slice(), end.as_slice(), input].concat()
    }

    /// Forgets the positions `start..end` of a cache of `size` positions.
    ///
    /// The last token was delivered, but is not in the cache: it goes with the cache's end.
    pub(crate) fn remove(&mut self, start: usize, end: usize, size: usize) {
        let end = if end >= size { self.tokens.len() } else { end };
        self.tokens.drain(start.min(end)..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_answer_is_written_once() {
        let conversation = Conversation::kept(vec![1, 2], Some(9));
        assert_eq!(conversation.followed_by(&[3]), [1, 2, 9, 3]);
        assert_eq!(conversation.followed_by(&[9, 3]), [1, 2, 9, 3]);
        assert_eq!(Conversation::kept(vec![1, 2], None).followed_by(&[3]), [1, 2, 3]);
    }

    #[test]
    fn only_a_pause_without_history_may_be_edited() {
        assert!(Conversation::paused(vec![1], false).may_be_edited());
        assert!(!Conversation::paused(vec![1], true).may_be_edited());
        assert!(!Conversation::kept(vec![1], None).may_be_edited());
    }

    #[test]
    fn a_removed_tail_takes_the_last_token_along() {
        let mut conversation = Conversation::paused(vec![1, 2, 3, 4], false);
        conversation.remove(0, 1, 3);
        assert_eq!(conversation.tokens, [2, 3, 4]);
        conversation.remove(1, 2, 2);
        assert_eq!(conversation.tokens, [2]);
    }
}
