//! Which backends came and went, for whoever reads the log afterwards.

mod difference;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use lookaside_core::{ResolvedBackend, ServiceName};

use self::difference::Difference;
use crate::table::{PlanState, Published, Standing};

/// How long a round is. In each, a service has one line at most: what follows in the same
/// one is told in the next.
pub(super) const ROUND: Duration = Duration::from_secs(10);

/// So many services have a line in a round. The others wait for one of the next, so that
/// nothing is lost, and no crowd of agents can fill a disk.
const LINES: usize = 100;

/// Whose changes are told, and when.
#[derive(Debug, Default)]
pub(super) struct Changelog {
    /// What a balancer finds when it starts is no change.
    pub(super) is_open: bool,
    told: BTreeSet<ServiceName>,
    /// In the order in which they came, each once.
    waiting: VecDeque<ServiceName>,
    waits: BTreeSet<ServiceName>,
}

impl Changelog {
    /// Whether a service that has just changed is told of at once; else it has to wait.
    pub(super) fn pass(&mut self, name: &ServiceName) -> bool {
        if self.told.len() < LINES && self.told.insert(name.clone()) {
            return true;
        }
        if self.waits.insert(name.clone()) {
            self.waiting.push_back(name.clone());
        }
        false
    }

    /// Begins a round; returns who has waited for it.
    pub(super) fn turn(&mut self) -> Vec<ServiceName> {
        let first = self.waiting.len().min(LINES);
        let names: Vec<ServiceName> = self.waiting.drain(..first).collect();
        for name in &names {
            self.waits.remove(name);
        }
        self.told = names.iter().cloned().collect();
        names
    }
}

/// What has been told of a service.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Sorted by id.
    backends: Arc<[ResolvedBackend]>,
    /// Those of the backends, in their order.
    standings: Arc<[Standing]>,
    plan: Option<PlanState>,
}

impl Told {
    /// Takes what is published as told.
    pub(super) fn note(&mut self, published: &Published) {
        *self = Self {
            backends: Arc::clone(&published.backends),
            standings: Arc::clone(&published.standings),
            plan: Some(published.state()),
        };
    }

    /// Whether its kind of plan has been told.
    pub(super) fn has_plan(&self, published: &Published) -> bool {
        self.plan == Some(published.state())
    }

    /// Tells in one line what has changed since, if that is to be seen in the backends or
    /// in the kind of plan.
    pub(super) fn tell(&mut self, name: &ServiceName, published: &Published) {
        let difference = Difference::between(
            self.backends.iter().zip(&*self.standings),
            published.backends.iter().zip(&*published.standings),
        );
        if !difference.is_empty() || !self.has_plan(published) {
            tracing::info!(
                service = %name,
                revision = published.revision,
                version = published.plan_version,
                plan = published.state().label(),
                reason = published.reason,
                joined = difference.joined.text(),
                left = difference.left.text(),
                changed = difference.changed.text(),
                "list changed"
            );
        }
        self.note(published);
    }
}

#[cfg(test)]
mod tests;
