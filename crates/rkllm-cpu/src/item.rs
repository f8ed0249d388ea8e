//! What stands at one position of a conversation.

use std::sync::Arc;

use crate::llama::Token;

/// A token, or what takes its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Token(Token),
    /// A row of the model's embedding width.
    Row(Arc<[f32]>),
}

impl Item {
    pub(crate) fn token(&self) -> Option<Token> {
        match self {
            Self::Token(token) => Some(*token),
            Self::Row(_) => None,
        }
    }

    /// The items of tokens.
    pub(crate) fn of_tokens(tokens: &[Token]) -> Vec<Self> {
        tokens.iter().copied().map(Self::Token).collect()
    }

    /// The items of rows that have `width` numbers each.
    pub(crate) fn of_rows(rows: &[f32], width: usize) -> Vec<Self> {
        rows.chunks_exact(width).map(|row| Self::Row(Arc::from(row))).collect()
    }
}

/// How many items two sequences have in common at their beginning.
pub(crate) fn common_prefix(a: &[Item], b: &[Item]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_prefix_ends_at_the_first_difference() {
        let items = Item::of_tokens;
        let prefix = |a: &[Token], b: &[Token]| common_prefix(&items(a), &items(b));
        assert_eq!(prefix(&[1, 2, 3], &[1, 2, 4, 3]), 2);
        assert_eq!(prefix(&[1, 2], &[1, 2, 3]), 2);
        assert_eq!(prefix(&[1], &[2]), 0);
        assert_eq!(prefix(&[], &[1]), 0);
    }

    #[test]
    fn rows_are_compared_by_their_numbers() {
        let rows = Item::of_rows(&[1.0, 2.0, 3.0, 4.0], 2);
        let other = Item::of_rows(&[1.0, 2.0, 3.0, 5.0], 2);
        assert_eq!(common_prefix(&rows, &other), 1);
        assert_eq!(common_prefix(&rows, &Item::of_tokens(&[1, 2])), 0);
    }
}
