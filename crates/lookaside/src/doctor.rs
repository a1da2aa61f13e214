//! Whether a deployment is as it should be. What was seen of it ([`Facts`]) is gathered
//! first; the checks are functions of that alone.

mod checks;
mod facts;
mod finding;
mod gather;

pub(crate) use self::{
    checks::examine,
    facts::Facts,
    finding::{Counts, Finding, Verdict},
    gather::{Questions, gather},
};

#[cfg(test)]
mod tests;
