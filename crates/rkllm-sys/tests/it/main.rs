//! The two ways to a function table: a library that is opened, and one that is linked.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic like the tests themselves")]

mod link;
mod load;
