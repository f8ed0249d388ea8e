//! What holds for any output.
