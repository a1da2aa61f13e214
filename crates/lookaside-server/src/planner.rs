//! From what the registry says to what streams are told.
//!
//! One task owns all of the planning state. It plans a service when its backends,
//! settings or overrides are another value than before, and tells the streams when the plan is
//! another one.

mod asking;
mod backends;
mod changelog;
mod debounce;
mod diff;
mod held;
mod merge;
mod removal_report;
mod service;
mod services;
mod standings;
mod task;
mod waits;

pub(crate) use self::{
    diff::changed,
    service::PlanConfig,
    task::{RemovalConfig, Sources, run},
};
