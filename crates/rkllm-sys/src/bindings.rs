//! Generated modules, one per C header.

#[rustfmt::skip]
pub mod ext;
#[rustfmt::skip]
pub mod v1_3;
