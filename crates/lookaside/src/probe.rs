//! A client under load, and what becomes of its calls.

mod load;
mod tally;

pub(crate) use self::{
    load::Load,
    tally::{Second, Tally},
};

#[cfg(test)]
mod tests;
