use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use lookaside_core::{
    BackendId, Cordons, Ejections, FallbackReason, Health, Limits, List, OnEmpty, Plan, Planner,
    Policy, PolicyDefaults, ResolvedBackend, Revision, Service, ServiceInput, ServiceOverrides,
    ServiceSettings, Settings, Suspect, TokenIssuer,
};
use lookaside_registry::names::Names;
use tokio::time::Instant;

use super::{
    backends::{Backends, Orders},
    changelog::Told,
    debounce::Debounce,
    held::Held,
    standings::{Facts, Standings},
    waits::Waits,
};
use crate::{
    encode::EncodedList,
    journey::Journey,
    metrics::{PushMetrics, RegistryMetrics},
    table::{Entry, Published},
    topic::{Content, Origin},
};

/// How services are planned.
#[derive(Clone, Debug)]
pub(crate) struct PlanConfig {
    pub(crate) issuer: TokenIssuer,
    /// But for the slots, which a service's policy says.
    pub(crate) limits: Limits,
    pub(crate) defaults: PolicyDefaults,
    /// The share of healthy addresses below which health is ignored.
    pub(crate) panic: f64,
    /// What is measured on the way.
    pub(crate) push: Arc<PushMetrics>,
    pub(crate) registry: RegistryMetrics,
}

/// What a service is planned from.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    /// The backends, registered or not: those that vanished and are held are among them.
    pub(super) service: Arc<Service>,
    /// The latter, sorted by id.
    pub(super) suspects: Arc<[Suspect]>,
    /// The registered ones alone.
    pub(super) registered: Arc<Service>,
    pub(super) settings: Arc<ServiceSettings>,
    pub(super) overrides: Arc<ServiceOverrides>,
    /// Of all services.
    pub(super) cordons: Arc<Cordons>,
    pub(super) names: Arc<Names>,
    /// What its health checks ejected.
    pub(super) ejections: Option<Arc<Ejections>>,
    pub(super) revision: Revision,
}

/// One service's plan, and what is needed for the next.
#[derive(Debug)]
pub(super) struct PlannedService {
    pub(super) entry: Arc<Entry>,
    planner: Planner,
    backends: Backends,
    standings: Standings,
    /// What the last list was made of, kept for [`OnEmpty::Hold`].
    held: Held,
    /// What the last plan was made from.
    last: Option<(Arc<Service>, Revision)>,
    plan: Option<Arc<Plan>>,
    plan_version: u64,
    changed_at: SystemTime,
    pub(super) debounce: Debounce,
    /// What has changed and is in no plan yet.
    pub(super) waits: Option<Waits>,
    /// Since when the registry has nothing of it.
    pub(super) absent_since: Option<Instant>,
    /// What the log has of it.
    pub(super) told: Told,
}

impl PlannedService {
    pub(super) fn new(entry: Arc<Entry>) -> Self {
        Self {
            entry,
            planner: Planner::default(),
            backends: Backends::default(),
            standings: Standings::default(),
            held: Held::default(),
            last: None,
            plan: None,
            plan_version: 0,
            changed_at: SystemTime::UNIX_EPOCH,
            debounce: Debounce::default(),
            waits: None,
            absent_since: None,
            told: Told::default(),
        }
    }

    /// What the last plan was made from, sorted by id.
    pub(super) fn backends(&self) -> &Arc<[ResolvedBackend]> {
        self.backends.last()
    }

    /// Where a backend of the last plan can be reached.
    pub(super) fn last_addresses(&self, id: &BackendId) -> Option<&Arc<[SocketAddr]>> {
        self.backends.last_addresses(id)
    }

    /// What was planned last, and its revision.
    pub(super) fn last(&self) -> Option<(Arc<Service>, Revision)> {
        self.last.clone()
    }

    /// Plans again; tells the streams and returns true if they would see a difference.
    ///
    /// A service of which no backend has an address waits for the first lookup of its
    /// names to end: it is slow, not empty.
    pub(super) fn plan(&mut self, inputs: Inputs, config: &PlanConfig, now: SystemTime) -> bool {
        let began_at = Instant::now();
        let waits = self.waits.take();
        let waits = waits.unwrap_or_else(|| Waits::new(self.entry.name(), began_at, began_at));
        let _within = waits.span.clone().entered();
        waits.span.record("revision", inputs.revision);
        let planning = tracing::debug_span!("plan").entered();
        let policy = Policy::new(
            &config.defaults,
            &inputs.settings.settings,
            &inputs.overrides,
        );
        let backends = self.backends.update(
            &inputs.service,
            &inputs.suspects,
            Orders {
                overrides: &inputs.overrides,
                cordons: &inputs.cordons,
            },
            &inputs.names,
        );
        let cordoned = self.backends.cordoned();
        let input = ServiceInput {
            name: self.entry.name(),
            backends: &backends,
            settings: &planned_with(&policy),
            health: inputs.ejections.as_deref().map(|ejections| Health {
                ejections,
                panic: config.panic,
            }),
        };
        self.held
            .follow(&backends, inputs.ejections.as_ref(), config.panic);
        let limits = limits(&policy, config);
        let plan = self.planner.plan(&input, &config.issuer, &limits);
        let lacks_backends =
            matches!(plan, Plan::Fallback(reason) if reason != FallbackReason::Settings);
        if lacks_backends && !inputs.names.covers(&inputs.registered) {
            return false;
        }
        let lacks_backends = matches!(plan, Plan::Fallback(_));
        let (plan, reason) = self.instead_of_nothing(plan, &inputs, &policy, config);
        let is_held =
            lacks_backends && matches!(&*plan, Plan::List(list) if !list.endpoints().is_empty());
        drop(planning);
        config.push.planning.observe(began_at.elapsed());
        let changed = self.plan.as_ref().is_none_or(|last| **last != *plan);
        if changed {
            self.plan_version += 1;
            self.changed_at = now;
            let topic = self.entry.topic();
            let origin = Origin {
                plan_version: self.plan_version,
                revision: inputs.revision,
            };
            // Clients that asked before the service was known are in fallback already.
            if self.plan.is_none() && matches!(*plan, Plan::Fallback(_)) {
                topic.publish_first_fallback(origin);
            } else {
                let planned_at = Instant::now();
                let content = tracing::debug_span!("encode").in_scope(|| content(&plan));
                let push = Arc::clone(&config.push);
                push.registry.observe(waits.noticed_at - waits.heard_at);
                push.merge.observe(began_at - waits.noticed_at);
                push.plan.observe(planned_at - began_at);
                push.encode.observe(planned_at.elapsed());
                let version = self.plan_version;
                waits.span.record("version", version);
                tracing::debug!(version, revision = inputs.revision, "planned anew");
                let journey = Journey::new(push, waits.heard_at, waits.span);
                topic.publish(content, origin, Some(journey));
            }
        }
        self.last = Some((Arc::clone(&inputs.service), inputs.revision));
        let facts = Facts {
            overrides: &inputs.overrides,
            cordoned: &cordoned,
            ejections: inputs.ejections.as_deref(),
            suspects: &inputs.suspects,
        };
        let standings = self.standings.update(&backends, facts, now);
        self.entry.publish(Published {
            service: inputs.service,
            suspects: inputs.suspects,
            settings: inputs.settings,
            overrides: inputs.overrides,
            cordoned,
            policy,
            names: inputs.names,
            ejections: inputs.ejections,
            backends,
            standings,
            plan: Arc::clone(&plan),
            reason,
            plan_version: self.plan_version,
            changed_at: self.changed_at,
            revision: inputs.revision,
            is_held,
            fingerprint: OnceLock::new(),
        });
        self.plan = Some(plan);
        changed
    }

    /// What clients get when no backend can take calls, and why. An empty list is never
    /// an option: no stock client recovers from one by itself.
    fn instead_of_nothing(
        &self,
        plan: Plan,
        inputs: &Inputs,
        policy: &Policy,
        config: &PlanConfig,
    ) -> (Arc<Plan>, Option<String>) {
        let reason = match &plan {
            Plan::List(list) => {
                let panic = list.panic().map(|panic| panic.to_string());
                let truncation = list.truncation().map(|truncation| truncation.to_string());
                let why: Vec<String> = panic.into_iter().chain(truncation).collect();
                let why = (!why.is_empty()).then(|| why.join("; "));
                return (Arc::new(plan), why);
            }
            Plan::Fallback(reason) => *reason,
        };
        let why = match (reason, inputs.service.problems.len()) {
            // That is an order, not a lack of backends.
            (FallbackReason::Settings, _) => {
                let why = match &inputs.overrides.fallback {
                    Some(fallback) => format!("fallback by {}", fallback.note),
                    None => reason.to_string(),
                };
                return (Arc::new(plan), Some(why));
            }
            (FallbackReason::NoBackends, unreadable @ 1..) => {
                format!("no backend can be read, keys with problems: {unreadable}")
            }
            _ => reason.to_string(),
        };
        match policy.on_empty.value {
            OnEmpty::Fallback => (Arc::new(plan), Some(why)),
            OnEmpty::Drop => (
                Arc::new(Plan::List(List::no_backends())),
                Some(format!("{why}: all calls are dropped")),
            ),
            OnEmpty::Hold => {
                // Made anew: drops, slots and the key of its tokens may have changed.
                let input = ServiceInput {
                    name: self.entry.name(),
                    backends: self.held.backends(),
                    settings: &planned_with(policy),
                    health: self.held.health(config.panic),
                };
                match lookaside_core::plan(&input, &config.issuer, &limits(policy, config)) {
                    held @ Plan::List(_) => (
                        Arc::new(held),
                        Some(format!("{why}: the last list is kept")),
                    ),
                    Plan::Fallback(_) => (Arc::new(plan), Some(why)),
                }
            }
        }
    }
}

fn content(plan: &Plan) -> Content {
    match plan {
        Plan::List(list) => Content::List(EncodedList::new(list)),
        Plan::Fallback(_) => Content::Fallback,
    }
}

/// What of a policy the planner itself follows.
fn planned_with(policy: &Policy) -> Settings {
    let mut settings = Settings::default();
    settings.drops = policy.drops.value.clone();
    settings.fallback = policy.fallback.value;
    settings
}

fn limits(policy: &Policy, config: &PlanConfig) -> Limits {
    let max_slots = policy.max_slots.value.get();
    Limits {
        max_slots: usize::try_from(max_slots).unwrap_or(usize::MAX),
        ..config.limits
    }
}
