//! What earlier runs on a handle leave to the next one.

use crate::item::Item;
use crate::llama::Token;

/// What the next run continues.
#[derive(Debug, Default, Clone)]
pub(crate) struct Conversation {
    items: Vec<Item>,
    /// The token by which the model ended its last answer; not among `items`.
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
    pub(crate) fn kept(items: Vec<Item>, end: Option<Token>) -> Self {
        Self { items, end, paused: None }
    }

    /// After a run that its callback paused.
    pub(crate) fn paused(items: Vec<Item>, keep_history: bool) -> Self {
        Self { items, end: None, paused: Some(Paused { keep_history }) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Whether positions of the cache may be cleared by range.
    pub(crate) fn may_be_edited(&self) -> bool {
        self.paused.is_some_and(|paused| !paused.keep_history)
    }

    /// The history.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// What comes between the history and `input`: the token that ended the last answer, unless
    /// the input begins with it.
    pub(crate) fn end_before(&self, input: &[Item]) -> Option<Item> {
        self.end.map(Item::Token).filter(|end| input.first() != Some(end))
    }

    /// Forgets the positions `start..end` of a cache of `size` positions.
    ///
    /// The last token was delivered, but is not in the cache: it goes with the cache's end.
    pub(crate) fn remove(&mut self, (start, end): (usize, usize), size: usize) {
        let end = if end >= size { self.items.len() } else { end };
        self.items.drain(start.min(end)..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_answer_is_written_once() {
        let items = Item::of_tokens(&[1, 2]);
        let ended = Conversation::kept(items.clone(), Some(9));
        assert_eq!(ended.end_before(&[Item::Token(3)]), Some(Item::Token(9)));
        assert_eq!(ended.end_before(&[Item::Token(9), Item::Token(3)]), None);
        assert_eq!(Conversation::kept(items, None).end_before(&[Item::Token(3)]), None);
    }

    #[test]
    fn only_a_pause_without_history_may_be_edited() {
        assert!(Conversation::paused(vec![], false).may_be_edited());
        assert!(!Conversation::paused(vec![], true).may_be_edited());
        assert!(!Conversation::kept(vec![], None).may_be_edited());
    }

    #[test]
    fn a_removed_tail_takes_the_last_token_along() {
        let mut conversation = Conversation::paused(Item::of_tokens(&[1, 2, 3, 4]), false);
        conversation.remove((0, 1), 3);
        assert_eq!(conversation.items, Item::of_tokens(&[2, 3, 4]));
        conversation.remove((1, 2), 2);
        assert_eq!(conversation.items, Item::of_tokens(&[2]));
    }
}
