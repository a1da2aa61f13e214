//! Drops in a list: which slots fail calls at the client, and which category a reported
//! drop belongs to.

mod category;
mod spread;

pub(crate) use spread::{MILLION, spread_within};
pub use spread::{Slot, spread_drops};
