//! What the probes of backends amount to, without the probing.

mod ejections;
mod pace;
mod state;

pub use self::{
    ejections::{Ejection, Ejections},
    pace::{first_wait, next_wait},
    state::HealthState,
};
