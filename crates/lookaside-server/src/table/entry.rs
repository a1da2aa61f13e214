use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::SystemTime,
};

use lookaside_core::{
    Ejections, Plan, Policy, ReportDelta, ReportTotals, ResolvedBackend, Revision, Service,
    ServiceName, ServiceOverrides, ServiceSettings, Suspect,
};
use lookaside_registry::names::Names;
use tokio::sync::watch;

use super::{Cordoned, Labels, OTHER, Standing, Streams, fingerprint};
use crate::topic::Topic;

/// One service.
#[derive(Debug)]
pub(crate) struct Entry {
    name: ServiceName,
    topic: Arc<Topic>,
    published: watch::Sender<Option<Arc<Published>>>,
    /// Whether the registry ever had it; else it is here for its streams alone.
    pub(super) registered: AtomicBool,
    pub(super) streams: AtomicU32,
    open_streams: Streams,
    reports: Mutex<ReportTotals>,
    labels: Arc<Labels>,
    is_labelled: AtomicBool,
}

/// What the planner made of a service, for people.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// The backends that are believed in, registered or not.
    pub(crate) service: Arc<Service>,
    /// Those that are not, sorted by id.
    pub(crate) suspects: Arc<[Suspect]>,
    pub(crate) settings: Arc<ServiceSettings>,
    pub(crate) overrides: Arc<ServiceOverrides>,
    /// Its backends that cordons keep calls from, sorted by id.
    pub(crate) cordoned: Arc<[Cordoned]>,
    /// What holds, of configuration, settings and overrides.
    pub(crate) policy: Policy,
    pub(crate) names: Arc<Names>,
    /// What the service's health checks ejected.
    pub(crate) ejections: Option<Arc<Ejections>>,
    /// The service's backends as they are planned with, and their addresses.
    pub(crate) backends: Arc<[ResolvedBackend]>,
    /// Those of the backends, in their order.
    pub(crate) standings: Arc<[Standing]>,
    pub(crate) plan: Arc<Plan>,
    /// Why the plan is not what backends and settings alone would give.
    pub(crate) reason: Option<String>,
    /// Counts the plans of this service.
    pub(crate) plan_version: u64,
    /// When clients last got something new.
    pub(crate) changed_at: SystemTime,
    /// Of the backends.
    pub(crate) revision: Revision,
    /// Whether it is the last list, kept because no backend can take calls.
    pub(crate) is_held: bool,
    /// Made when somebody asks.
    pub(crate) fingerprint: OnceLock<u32>,
}

impl Published {
    /// The same on replicas that serve the same.
    pub(crate) fn fingerprint(&self, name: &ServiceName) -> u32 {
        *self
            .fingerprint
            .get_or_init(|| fingerprint::of(name, &self.plan))
    }
}

impl Entry {
    pub(super) fn new(name: ServiceName, labels: Arc<Labels>) -> Self {
        Self {
            name,
            topic: Arc::default(),
            published: watch::Sender::new(None),
            registered: AtomicBool::new(false),
            streams: AtomicU32::new(0),
            open_streams: Streams::default(),
            reports: Mutex::default(),
            labels,
            is_labelled: AtomicBool::new(false),
        }
    }

    /// The registry has it.
    pub(super) fn register(&self) {
        if !self.registered.swap(true, Relaxed) {
            // That label would be somebody else's.
            let is_labelled = self.name.as_str() != OTHER && self.labels.take();
            self.is_labelled.store(is_labelled, Relaxed);
        }
    }

    /// Whether metrics name it.
    pub(crate) fn is_labelled(&self) -> bool {
        self.is_labelled.load(Relaxed)
    }

    pub(crate) fn name(&self) -> &ServiceName {
        &self.name
    }

    pub(crate) fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// How many streams are open.
    pub(crate) fn streams(&self) -> u32 {
        self.streams.load(Relaxed)
    }

    /// The open streams themselves.
    pub(crate) fn open_streams(&self) -> &Streams {
        &self.open_streams
    }

    pub(crate) fn publish(&self, published: Published) {
        self.published.send_replace(Some(Arc::new(published)));
    }

    /// `None` while the registry has never had it.
    pub(crate) fn published(&self) -> Option<Arc<Published>> {
        self.published.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.published.subscribe()
    }

    pub(crate) fn report(&self, delta: &ReportDelta) {
        // What clients drop by is in their list, whoever ordered it.
        let drops = self
            .published()
            .map(|published| match &*published.plan {
                Plan::List(list) => list.drops().clone(),
                Plan::Fallback(_) => published.policy.drops.value.clone(),
            })
            .unwrap_or_default();
        if !self.is_labelled() {
            self.labels.report(delta, &drops);
        }
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(delta, &drops);
    }

    pub(crate) fn reports(&self) -> ReportTotals {
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.is_labelled() {
            self.labels.give_back();
        }
    }
}
