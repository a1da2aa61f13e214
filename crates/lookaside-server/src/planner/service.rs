use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use lookaside_core::{
    Backend, BackendId, BackendState, DEFAULT_WEIGHT, Drop, Drops, FallbackReason, Host, Limits,
    OnEmpty, Plan, Planner, ResolvedBackend, Revision, Service, ServiceInput, ServiceName,
    ServiceSettings, Settings, TokenIssuer,
};
use lookaside_registry::names::Names;
use tokio::time::Instant;

use super::debounce::Debounce;
use crate::{
    encode::EncodedList,
    table::{Entry, Published},
    topic::Content,
};

/// The category under which calls are dropped by [`OnEmpty::Drop`].
const NO_BACKENDS: &str = "no-backends";

/// How services are planned.
#[derive(Clone, Debug)]
pub(crate) struct PlanConfig {
    pub(crate) issuer: TokenIssuer,
    pub(crate) limits: Limits,
    pub(crate) on_empty: OnEmpty,
}

/// What a service is planned from.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) service: Arc<Service>,
    pub(super) settings: Arc<ServiceSettings>,
    pub(super) names: Arc<Names>,
    pub(super) revision: Revision,
}

impl Inputs {
    /// The backends with their addresses, as they are in `last` where neither is new: the
    /// planner takes what is the very same as known, and 10,000 IP addresses need no
    /// memory for each plan.
    fn backends(&self, last: &[ResolvedBackend]) -> Arc<[ResolvedBackend]> {
        let mut last = last.iter().peekable();
        let backends = self.service.backends.iter();
        let resolved = backends.map(|backend| {
            let known = last
                .next_if(|(old, _)| Arc::ptr_eq(old, backend))
                .or_else(|| {
                    // Both are sorted by id.
                    while last.next_if(|(old, _)| old.id < backend.id).is_some() {}
                    last.next_if(|(old, _)| old == backend)
                });
            let addresses = match (known, backend.address.host()) {
                (Some((_, addresses)), Host::Ip(_)) => Arc::clone(addresses),
                (Some((_, addresses)), Host::Name(_)) => {
                    let newest = self.names.addresses(backend);
                    if *addresses == newest {
                        Arc::clone(addresses)
                    } else {
                        newest
                    }
                }
                (None, _) => self.names.addresses(backend),
            };
            (Arc::clone(backend), addresses)
        });
        resolved.collect()
    }
}

/// One service's plan, and what is needed for the next.
#[derive(Debug)]
pub(super) struct PlannedService {
    pub(super) entry: Arc<Entry>,
    planner: Planner,
    /// What the last plan was made from, sorted by id.
    backends: Arc<[ResolvedBackend]>,
    plan: Option<Arc<Plan>>,
    plan_version: u64,
    changed_at: SystemTime,
    pub(super) debounce: Debounce,
    /// Since when the registry has nothing of it.
    pub(super) absent_since: Option<Instant>,
}

impl PlannedService {
    pub(super) fn new(entry: Arc<Entry>) -> Self {
        Self {
            entry,
            planner: Planner::default(),
            backends: Arc::new([]),
            plan: None,
            plan_version: 0,
            changed_at: SystemTime::UNIX_EPOCH,
            debounce: Debounce::default(),
            absent_since: None,
        }
    }

    /// Plans again; tells the streams and returns true if they would see a difference.
    ///
    /// A service of which no backend has an address waits for the first lookup of its
    /// names to end: it is slow, not empty.
    pub(super) fn plan(&mut self, inputs: Inputs, config: &PlanConfig, now: SystemTime) -> bool {
        let backends = inputs.backends(&self.backends);
        let input = ServiceInput {
            name: self.entry.name(),
            backends: &backends,
            settings: &inputs.settings.settings,
            health: None,
        };
        let plan = self.planner.plan(&input, &config.issuer, &config.limits);
        let lacks_backends =
            matches!(plan, Plan::Fallback(reason) if reason != FallbackReason::Settings);
        if lacks_backends && !inputs.names.covers(&inputs.service) {
            return false;
        }
        let (plan, reason) = self.instead_of_nothing(plan, &inputs.service, config);
        let changed = self.plan.as_ref().is_none_or(|last| **last != *plan);
        if changed {
            self.plan_version += 1;
            self.changed_at = now;
            let topic = self.entry.topic();
            match &*plan {
                Plan::List(list) => topic.publish(Content::List(EncodedList::new(list))),
                // Clients that asked before the service was known are there already.
                Plan::Fallback(_) if self.plan.is_none() => topic.publish_first_fallback(),
                Plan::Fallback(_) => topic.publish(Content::Fallback),
            }
        }
        self.backends = Arc::clone(&backends);
        self.entry.publish(Published {
            service: inputs.service,
            settings: inputs.settings,
            names: inputs.names,
            backends,
            plan: Arc::clone(&plan),
            reason,
            plan_version: self.plan_version,
            changed_at: self.changed_at,
            revision: inputs.revision,
        });
        self.plan = Some(plan);
        changed
    }

    /// What clients get when no backend can take calls, and why. An empty list is never
    /// an option: no stock client recovers from one by itself.
    fn instead_of_nothing(
        &self,
        plan: Plan,
        service: &Service,
        config: &PlanConfig,
    ) -> (Arc<Plan>, Option<String>) {
        let reason = match &plan {
            Plan::List(list) => {
                let truncation = list.truncation().map(|truncation| truncation.to_string());
                return (Arc::new(plan), truncation);
            }
            Plan::Fallback(reason) => *reason,
        };
        let why = match (reason, service.problems.len()) {
            (FallbackReason::NoBackends, unreadable @ 1..) => {
                format!("no backend can be read, keys with problems: {unreadable}")
            }
            _ => reason.to_string(),
        };
        match (config.on_empty, &self.plan) {
            // That is an order, not a lack of backends.
            _ if reason == FallbackReason::Settings => (Arc::new(plan), Some(why)),
            (OnEmpty::Hold, Some(last)) if matches!(**last, Plan::List(_)) => (
                self.held(last, config),
                Some(format!("{why}: the last list is kept")),
            ),
            (OnEmpty::Drop, _) => match drop_all(self.entry.name(), config) {
                Some(plan) => (
                    Arc::new(plan),
                    Some(format!("{why}: all calls are dropped")),
                ),
                None => (Arc::new(plan), Some(why)),
            },
            (OnEmpty::Fallback | OnEmpty::Hold, _) => (Arc::new(plan), Some(why)),
        }
    }

    /// The last plan, with tokens of the present key: the key that signed those in it may
    /// be on its way out.
    fn held(&self, last: &Arc<Plan>, config: &PlanConfig) -> Arc<Plan> {
        let Plan::List(list) = &**last else {
            return Arc::clone(last);
        };
        let issuer = config.issuer.for_service(self.entry.name());
        match list.endpoints().first() {
            Some(first) if first.token != issuer.issue(first.id()) => {
                Arc::new(Plan::List(list.with_tokens(&issuer)))
            }
            _ => Arc::clone(last),
        }
    }
}

/// A list with nothing but drops. A list is planned around a backend, but drops of all
/// calls leave it no slot.
fn drop_all(name: &ServiceName, config: &PlanConfig) -> Option<Plan> {
    let all = Drop {
        category: NO_BACKENDS.into(),
        per_million: 1_000_000,
    };
    let mut settings = Settings::default();
    settings.drops = Drops::new([all]).ok()?;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let backend = Backend {
        id: BackendId::new(NO_BACKENDS).ok()?,
        address: nowhere.into(),
        weight: DEFAULT_WEIGHT,
        zone: None,
        state: BackendState::Serving,
        key: "".into(),
        revision: 0,
    };
    let input = ServiceInput {
        name,
        backends: &[(Arc::new(backend), Arc::from([nowhere]))],
        settings: &settings,
        health: None,
    };
    Some(lookaside_core::plan(&input, &config.issuer, &config.limits))
}
