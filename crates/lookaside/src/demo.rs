//! Everything in one process, to look at: a balancer, backends, a client under load, and
//! what happens to its calls while things change and break.

mod backend;
mod balancer;
mod expected;
mod keep;
mod ledger;
mod place;
mod play;
mod scene;
mod screen;
mod summary;
mod view;
mod world;

pub(crate) use self::{place::Place, play::play};

#[cfg(test)]
mod tests;
