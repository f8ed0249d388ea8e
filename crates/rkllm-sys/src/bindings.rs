//! Generated modules, one per C header.

#[rustfmt::skip]
pub mod ext;
#[rustfmt::skip]
pub mod v1_1;
#[rustfmt::skip]
pub mod v1_2_0;
#[rustfmt::skip]
pub mod v1_2_1;
#[rustfmt::skip]
pub mod v1_3;
