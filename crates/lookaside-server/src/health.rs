//! Active health checks: which addresses of backends are ejected.
//!
//! ```text
//! planner ──▶ what is to be checked ──▶ roster (when, whom) ──▶ probes
//!    ▲                                     │
//!    └───────────── verdicts ◀─────────────┘
//! ```
//!
//! One task owns all of it, and sleeps where no service has its backends checked. How it
//! decides: `docs/health.md`.

mod checks;
mod pace;
mod roster;
mod task;

use std::{collections::BTreeMap, sync::Arc};

use lookaside_core::{Ejections, ServiceName};

pub(crate) use self::{
    checks::{Checked, CheckedServices, Checks},
    task::run,
};

/// What is ejected, by service; only those of which something is.
pub(crate) type Verdicts = BTreeMap<ServiceName, Arc<Ejections>>;

#[cfg(test)]
mod tests;
