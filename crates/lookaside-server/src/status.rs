use std::{sync::Arc, time::SystemTime};

use lookaside_core::{Plan, Problem};
use lookaside_registry::{Freshness, Registry, RegistryState};
use tokio::{sync::watch, time::Instant};

use crate::{
    About, Readiness,
    balance_load::Admission,
    http::Scrape,
    metrics::Metrics,
    table::{Entry, Table},
};

/// What a balancer says of itself as a whole.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) table: Arc<Table>,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
    readiness: watch::Receiver<Readiness>,
    states: watch::Receiver<Arc<RegistryState>>,
    pub(crate) about: About,
    pub(crate) started: Instant,
    pub(crate) started_at: SystemTime,
}

impl Status {
    pub(crate) fn new(
        registry: Arc<dyn Registry>,
        table: Arc<Table>,
        admission: Arc<Admission>,
        metrics: Arc<Metrics>,
        readiness: watch::Receiver<Readiness>,
        about: About,
    ) -> Self {
        Self {
            states: registry.subscribe(),
            registry,
            table,
            admission,
            metrics,
            readiness,
            about,
            started: Instant::now(),
            started_at: SystemTime::now(),
        }
    }

    pub(crate) fn readiness(&self) -> Readiness {
        self.readiness.borrow().clone()
    }

    /// Sees the readiness change.
    pub(crate) fn watch_readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// The registry's newest state.
    pub(crate) fn registry_state(&self) -> Arc<RegistryState> {
        Arc::clone(&self.states.borrow())
    }

    /// Streams that are open.
    pub(crate) fn streams(&self) -> usize {
        self.admission.streams()
    }

    /// Services whose health is ignored.
    fn panicking(&self) -> usize {
        let panics = |entry: &&Arc<Entry>| {
            let published = entry.published();
            let plan = published.as_ref().map(|it| &*it.plan);
            matches!(plan, Some(Plan::List(list)) if list.panic().is_some())
        };
        self.table.all().iter().filter(panics).count()
    }

    /// Registry keys that could not be read and are of no service, at most `most`.
    pub(crate) fn stray_problems(&self, most: usize) -> Vec<Problem> {
        let state = self.registry_state();
        let parts = [
            state.backends.as_ref().map(|it| &it.problems),
            state.settings.as_ref().map(|it| &it.problems),
            state.overrides.as_ref().map(|it| &it.problems),
        ];
        let strays = parts.into_iter().flatten().flat_map(|it| it.iter());
        strays.take(most).cloned().collect()
    }

    /// Registry keys that could not be read, over all services.
    pub(crate) fn problems(&self) -> usize {
        let state = self.registry_state();
        let backends = state.backends.as_ref().map_or(0, |snapshot| {
            let services = snapshot.services.values();
            let of_services = services.map(|service| service.problems.len());
            snapshot.problems.len() + of_services.sum::<usize>()
        });
        let settings = state.settings.as_ref().map_or(0, |snapshot| {
            let services = snapshot.services.values();
            let of_services = services.filter(|service| service.problem.is_some());
            snapshot.problems.len() + of_services.count()
        });
        let overrides = state.overrides.as_ref().map_or(0, |snapshot| {
            let services = snapshot.services.values();
            let of_services = services.map(|service| service.problems.len());
            snapshot.problems.len() + of_services.sum::<usize>()
        });
        backends + settings + overrides
    }
}

/// When the registry was last known to be as it is served.
pub(crate) fn as_of(freshness: &Freshness) -> Option<Instant> {
    match freshness {
        Freshness::Connecting { .. } => None,
        Freshness::Synced { as_of } | Freshness::Stale { as_of, .. } => Some(*as_of),
    }
}

impl Scrape for Status {
    fn scrape(&self) -> String {
        let state = self.registry_state();
        let metrics = &self.metrics;
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        metrics.streams.set(count(self.streams()));
        metrics.services.set(count(self.table.len()));
        metrics.problems.set(count(self.problems()));
        metrics.health.panic.set(count(self.panicking()));
        metrics.ready.set(self.readiness().is_ready().into());
        let revision = state.backends.as_ref().map_or(0, |it| it.revision);
        metrics.registry_revision.set(revision);
        let age = as_of(&state.freshness).map_or(0, |as_of| as_of.elapsed().as_secs());
        metrics
            .registry_age_seconds
            .set(i64::try_from(age).unwrap_or(i64::MAX));
        let activity = self.registry.activity();
        metrics.follow.set(&state.freshness, activity);
        metrics.state.set(&state.freshness, self.registry.saving());
        metrics.encode()
    }

    fn remark(&self) -> Option<String> {
        let state = self.registry_state();
        let Freshness::Stale { as_of, error } = &state.freshness else {
            return None;
        };
        let age = as_of.elapsed().as_secs();
        Some(format!(
            "the registry is stale, last followed {age} s ago: {error}"
        ))
    }
}
