//! Numbers that come out of a model.

/// Rows of numbers: the hidden states or the logits of a prompt's tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// All rows, one after the other.
    pub data: Vec<f32>,
    /// Numbers in a row: the embedding width, or the size of the vocabulary.
    pub width: usize,
}

impl Tensor {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.width).unwrap_or(0)
    }

    /// One row; `None` beyond the last.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<&[f32]> {
        self.data.chunks_exact(self.width.max(1)).nth(index)
    }

    /// The last row; `None` when there is none.
    #[must_use]
    pub fn last(&self) -> Option<&[f32]> {
        self.data.chunks_exact(self.width.max(1)).last()
    }
}

/// Rows as the runtime lends them, for the time of a callback.
#[derive(Clone, Copy)]
pub(crate) struct TensorRef<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) width: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_by_width() {
        let tensor = Tensor { data: vec![1.0, 2.0, 3.0, 4.0], width: 2 };
        assert_eq!((tensor.rows(), tensor.row(1), tensor.row(2)), (2, Some(&[3.0, 4.0][..]), None));
        assert_eq!(tensor.last(), tensor.row(1));
        assert_eq!((Tensor::default().rows(), Tensor::default().last()), (0, None));
    }
}
