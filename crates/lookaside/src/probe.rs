//! A client under load, and what becomes of its calls.

mod load;
mod tally;

pub(crate) use self::{
    load::{Ended, Load, Sink},
    tally::{Counter, Second, Tally},
};

#[cfg(test)]
mod tests;
