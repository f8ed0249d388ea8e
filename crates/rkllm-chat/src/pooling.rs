//! From the hidden states of a text's tokens to one vector.

use std::num::NonZeroUsize;

use crate::Error;

/// How the hidden states of a text's tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The state of the first token, which then is one made for this.
    Cls,
    /// The mean of all states.
    Mean,
    /// The state of the last token, the only one that has seen the whole text in models that write.
    LastToken,
}

impl Pooling {
    /// One vector of `width` values from states of `width` values per token, one token after the
    /// other.
    ///
    /// # Errors
    ///
    /// [`Error::HiddenStates`] when the states are no whole rows or none, [`Error::NotFinite`] when
    /// the result holds an infinite value or none.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    ///
    /// use rkllm_chat::Pooling;
    ///
    /// let width = NonZeroUsize::new(2).expect("two is not zero");
    /// let vector = Pooling::Mean.pool(&[1.0, 2.0, 3.0, 6.0], width)?;
    /// assert_eq!(vector, [2.0, 4.0]);
    /// # Ok::<(), rkllm_chat::Error>(())
    /// ```
    pub fn pool(self, states: &[f32], width: NonZeroUsize) -> Result<Vec<f32>, Error> {
        let width = width.get();
        if states.is_empty() || !states.len().is_multiple_of(width) {
            return Err(Error::HiddenStates { values: states.len(), width });
        }
        let vector = match self {
            Self::Cls => states[..width].to_vec(),
            Self::LastToken => states[states.len() - width..].to_vec(),
            Self::Mean => mean(states, width),
        };
        if vector.iter().all(|value| value.is_finite()) {
            Ok(vector)
        } else {
            Err(Error::NotFinite)
        }
    }
}

fn mean(states: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; width];
    for state in states.chunks_exact(width) {
        for (sum, value) in sums.iter_mut().zip(state) {
            *sum += f64::from(*value);
        }
    }
    let rows = (states.len() / width) as f64;
    sums.into_iter().map(|sum| (sum / rows) as f32).collect()
}

/// Brings a vector to length 1; a vector of zeros stays as it is.
pub fn normalize(vector: &mut [f32]) {
    let squares: f64 = vector.iter().map(|&value| f64::from(value).powi(2)).sum();
    if squares > 0.0 {
        let length = squares.sqrt();
        for value in vector {
            *value = (f64::from(*value) / length) as f32;
        }
    }
}

/// Keeps the first dimensions of a vector and brings the rest to length 1, as models allow that were
/// trained so that the beginning of their vectors stands by itself.
///
/// # Errors
///
/// [`Error::Dimensions`] when the vector has fewer, or none are asked for.
pub fn truncate(vector: &mut Vec<f32>, dimensions: usize) -> Result<(), Error> {
    if !(1..=vector.len()).contains(&dimensions) {
        return Err(Error::Dimensions { dimensions, width: vector.len() });
    }
    vector.truncate(dimensions);
    normalize(vector);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn width(width: usize) -> NonZeroUsize {
        NonZeroUsize::new(width).unwrap()
    }

    #[test]
    fn each_way_takes_other_rows() {
        let states = [1.0, 2.0, 10.0, 20.0, 4.0, 5.0];
        assert_eq!(Pooling::Cls.pool(&states, width(2)).unwrap(), [1.0, 2.0]);
        assert_eq!(Pooling::Mean.pool(&states, width(2)).unwrap(), [5.0, 9.0]);
        assert_eq!(Pooling::LastToken.pool(&states, width(2)).unwrap(), [4.0, 5.0]);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for states in [&[][..], &[1.0, 2.0, 3.0]] {
            let error = Pooling::Mean.pool(states, width(2)).unwrap_err();
            assert!(matches!(error, Error::HiddenStates { width: 2, .. }), "{error}");
        }
        let broken = Pooling::Mean.pool(&[1.0, f32::NAN], width(1));
        assert!(matches!(broken, Err(Error::NotFinite)));
        assert_eq!(Pooling::Cls.pool(&[1.0, f32::NAN], width(1)).unwrap(), [1.0]);
    }

    #[test]
    fn dimensions_are_cut_and_the_rest_is_lengthened() {
        let mut vector = vec![3.0, 4.0, 100.0];
        truncate(&mut vector, 2).unwrap();
        assert_eq!(vector, [0.6, 0.8]);
        for dimensions in [0, 3] {
            let error = truncate(&mut vector, dimensions).unwrap_err();
            assert!(matches!(error, Error::Dimensions { width: 2, .. }), "{error}");
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let mut vector = [0.0; 3];
        normalize(&mut vector);
        assert_eq!(vector, [0.0; 3]);
    }

    proptest! {
        #[test]
        fn any_vector_gets_length_one(mut vector in vec(-1e30f32..1e30, 1..64)) {
            prop_assume!(vector.iter().any(|value| *value != 0.0));
            normalize(&mut vector);
            let length: f64 = vector.iter().map(|&value| f64::from(value).powi(2)).sum();
            prop_assert!((length - 1.0).abs() < 1e-5, "{length}");
        }

        #[test]
        fn the_mean_lies_between_the_least_and_the_greatest(states in vec(-1e30f32..1e30, 1..64)) {
            let mean = Pooling::Mean.pool(&states, width(1)).unwrap()[0];
            let (least, greatest) = states.iter().fold((f32::MAX, f32::MIN), |(least, greatest), v| {
                (least.min(*v), greatest.max(*v))
            });
            prop_assert!((least..=greatest).contains(&mean));
        }
    }
}
