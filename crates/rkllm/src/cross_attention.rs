//! An encoder's states for models that attend to them.

/// An encoder's states for models converted with cross attention. How many numbers `keys` and
/// `values` have, and in which order, is the model's matter.
///
/// The runtime keeps pointers to these numbers, so the session keeps them until they are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossAttention {
    /// The key cache.
    pub keys: Vec<f32>,
    /// The value cache.
    pub values: Vec<f32>,
    /// Which of the encoder's tokens are attended to.
    pub mask: Vec<f32>,
    /// The position of each token.
    pub positions: Vec<i32>,
    /// Number of the encoder's tokens.
    pub tokens: u32,
}
