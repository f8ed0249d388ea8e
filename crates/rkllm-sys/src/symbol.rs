//! One function of a library.

use libloading::Library;

/// A library does not export a function that its generation must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no symbol `{symbol}`: the library is incomplete or of another ABI generation")]
pub struct MissingSymbol {
    /// Name of the function in C.
    pub symbol: &'static str,
}

/// The function called `symbol`.
///
/// # Safety
///
/// `F` must be the function's type, and the library must stay open while the result is used.
pub(crate) unsafe fn find<F: Copy>(
    library: &Library,
    symbol: &'static str,
) -> Result<F, MissingSymbol> {
    // SAFETY: the caller vouches for the type.
    match unsafe { library.get::<F>(symbol) } {
        Ok(function) => Ok(*function),
        Err(_) => Err(MissingSymbol { symbol }),
    }
}
