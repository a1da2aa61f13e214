//! From weights to the order of a list. The protocol has no weight field: a weight is
//! repetition, and clients walk the list in order, round and round.

mod apportion;
mod interleave;

pub use apportion::{Apportionment, apportion, length_bound};
pub(crate) use apportion::{apportion_within, gcd};
pub use interleave::interleave;
