use std::{collections::BTreeMap, net::SocketAddr, time::SystemTime};

use lookaside_core::{
    Backend, BackendId, Host, List, Override, Plan, Problem, ReportTotals, ServiceName, Suspect,
    TokenIssuer,
};
use lookaside_proto::v1;

use super::{
    count,
    ejected::{Ejected, panics},
    policy, suspect,
};
use crate::table::{Cordoned, Entry, Published, Standing, StandingState};

/// A service in words a person reads; `None` while it is unknown.
pub(super) fn describe(entry: &Entry, issuer: &TokenIssuer) -> Option<v1::Service> {
    let published = entry.published()?;
    Some(describe_published(entry, &published, issuer))
}

/// As [`describe`], as it was published once.
pub(super) fn describe_published(
    entry: &Entry,
    published: &Published,
    issuer: &TokenIssuer,
) -> v1::Service {
    let (plan, list) = match &*published.plan {
        Plan::List(list) => ("slots", Some(list)),
        Plan::Fallback(_) => ("fallback", None),
    };
    let problems = published.service.problems.iter();
    v1::Service {
        name: entry.name().to_string(),
        plan: plan.to_owned(),
        reason: published.reason.clone().unwrap_or_default(),
        plan_version: published.plan_version,
        changed_at: Some(published.changed_at.into()),
        age: SystemTime::now()
            .duration_since(published.changed_at)
            .ok()
            .and_then(|age| age.try_into().ok()),
        revision: published.revision,
        slots: count(list.map_or(0, |list| list.slots().len())),
        backends: backends(entry.name(), published, list, issuer),
        drops: drops(published, list),
        streams: entry.streams(),
        reported: Some(reported(&entry.reports())),
        problems: problems
            .chain(&published.settings.problem)
            .chain(&published.overrides.problems)
            .map(problem)
            .collect(),
        settings: policy::settings(&published.policy),
        overrides: published
            .overrides
            .iter()
            .map(|(order, note)| policy::described_override(entry.name(), &order, note))
            .chain(cordons(published))
            .collect(),
        largest_share_error: list.map_or(0.0, |list| 100.0 * list.largest_error()),
        panic: panics(published),
    }
}

fn backends(
    service: &ServiceName,
    published: &Published,
    list: Option<&List>,
    issuer: &TokenIssuer,
) -> Vec<v1::Backend> {
    let slots = slots_by_backend(list);
    let all: u32 = slots.values().map(|(_, slots)| slots).sum();
    let describe = |backend: &Backend, resolved: &[SocketAddr], slots: u32, standing| {
        let ejected = Ejected::new(backend, resolved, published);
        let suspect = suspect::find(&backend.id, published);
        let (state, reason, since) = match standing {
            Some(Standing { state, since }) => {
                let reason = reason(state, backend, ejected.as_ref(), suspect, published);
                (state.as_str(), reason, Some(since))
            }
            None => ("held", "no longer registered".to_owned(), None),
        };
        v1::Backend {
            ejections: ejected.as_ref().map(Ejected::describe).unwrap_or_default(),
            suspect_since: suspect.map(|it| suspect::since(it).into()),
            id: backend.id.to_string(),
            address: backend.address.to_string(),
            resolved: resolved.iter().map(ToString::to_string).collect(),
            weight: backend.weight,
            slots,
            share_percent: 100.0 * f64::from(slots) / f64::from(all.max(1)),
            zone: backend.zone.as_deref().unwrap_or_default().to_owned(),
            state: state.to_owned(),
            reason,
            state_since: since.map(Into::into),
            token: issuer.issue(service, &backend.id).to_string(),
            key: backend.key.to_string(),
            revision: backend.revision,
        }
    };
    let registered = published.backends.iter().zip(&*published.standings);
    let registered = registered.map(|((backend, resolved), standing)| {
        let slots = slots.get(&backend.id).map_or(0, |(_, slots)| *slots);
        describe(backend, resolved, slots, Some(*standing))
    });
    // In a list that is kept although its backends have left.
    let is_registered = |id: &BackendId| {
        let sorted = &published.backends;
        sorted.binary_search_by(|(it, _)| it.id.cmp(id)).is_ok()
    };
    let held = slots
        .iter()
        .filter(|(id, (_, slots))| *slots > 0 && !is_registered(id))
        .map(|(_, (backend, slots))| describe(backend, &[], *slots, None));
    registered.chain(held).collect()
}

/// The cordons that its backends are under, each once.
fn cordons(published: &Published) -> impl Iterator<Item = v1::Override> {
    let places = published.cordoned.iter().map(|it| (&it.place, &it.note));
    let places: BTreeMap<_, _> = places.collect();
    places.into_iter().map(|(place, note)| {
        let order = Override::Cordon(place.clone());
        policy::described_override(&ServiceName::all(), &order, note)
    })
}

/// The backends of a list, and how many slots each has at all of its addresses.
fn slots_by_backend(list: Option<&List>) -> BTreeMap<&BackendId, (&Backend, u32)> {
    let mut by_backend = BTreeMap::new();
    if let Some(list) = list {
        for (endpoint, slots) in list.endpoints().iter().zip(list.endpoint_slots()) {
            by_backend
                .entry(endpoint.id())
                .or_insert((&*endpoint.backend, 0))
                .1 += slots;
        }
    }
    by_backend
}

/// What keeps calls from it, or what a person should know of it nevertheless.
fn reason(
    state: StandingState,
    backend: &Backend,
    ejected: Option<&Ejected<'_>>,
    suspect: Option<&Suspect>,
    published: &Published,
) -> String {
    let overrides = published.overrides.backends.get(&backend.id);
    let weighed = overrides.and_then(|it| it.weight.as_ref());
    let cordoned = Cordoned::of(&backend.id, &published.cordoned);
    match state {
        StandingState::Drained => {
            let drained = overrides.and_then(|it| it.drain.as_ref());
            match (drained, weighed) {
                (Some(drained), _) => format!("drained by {}", drained.note),
                (None, Some(weighed)) => format!("weight 0 by {}", weighed.note),
                (None, None) => "its weight is 0".to_owned(),
            }
        }
        StandingState::Cordoned => cordoned.map(cordoned_by).unwrap_or_default(),
        StandingState::Draining => "leaving by its own word".to_owned(),
        StandingState::Unresolved => {
            let failure = lookup_failure(backend, published);
            failure.unwrap_or_else(|| "its name is being looked up".to_owned())
        }
        StandingState::Ejected => ejected.map(Ejected::reason).unwrap_or_default(),
        StandingState::Suspect => suspect.map(suspect::reason).unwrap_or_default(),
        StandingState::Serving => match ejected {
            // One that lost some of its addresses serves with the others.
            Some(ejected) => ejected.reason(),
            None => {
                let weighed = weighed.map(|it| format!("weight {} by {}", it.value, it.note));
                // The addresses of a name that does not resolve any more are kept.
                let failure = lookup_failure(backend, published);
                let partly = cordoned.map(|it| format!("in part cordoned {}", cordoned_by(it)));
                let reasons: Vec<_> = failure.into_iter().chain(weighed).chain(partly).collect();
                reasons.join("; ")
            }
        },
    }
}

/// `with host 10.0.0.5 by override of alice: new disk`
fn cordoned_by(it: &Cordoned) -> String {
    format!("with {} by {}", it.place, it.note)
}

/// Why its name does not resolve, if it does not.
fn lookup_failure(backend: &Backend, published: &Published) -> Option<String> {
    let Host::Name(host) = backend.address.host() else {
        return None;
    };
    let failure = published.names.status(host)?.failure.as_ref()?;
    Some(format!("{host}: {}", failure.error))
}

fn drops(published: &Published, list: Option<&List>) -> Vec<v1::Drop> {
    let configured = published.policy.drops.value.as_slice();
    let drop = |drop: &lookaside_core::Drop| {
        let in_list = list.and_then(|list| {
            let mut drops = list.drops().as_slice().iter();
            let index = drops.position(|other| other.category == drop.category)?;
            Some((list.drop_slots()[index], 100.0 * list.drop_share(index)))
        });
        let (slots, actual_percent) = in_list.unwrap_or_default();
        v1::Drop {
            category: drop.category.to_string(),
            percent: f64::from(drop.per_million) / 10_000.0,
            slots,
            actual_percent,
        }
    };
    configured.iter().map(drop).collect()
}

fn reported(totals: &ReportTotals) -> v1::LoadReport {
    v1::LoadReport {
        calls_started: totals.started,
        calls_finished: totals.finished,
        calls_failed_to_send: totals.finished_with_client_failed_to_send,
        calls_known_received: totals.finished_known_received,
        dropped: totals
            .drops()
            .map(|(category, calls)| v1::DroppedCalls {
                category: category.to_owned(),
                calls,
            })
            .collect(),
        reports: totals.reports,
    }
}

pub(super) fn problem(problem: &Problem) -> v1::Problem {
    v1::Problem {
        key: problem.key.to_string(),
        reason: problem.reason.to_string(),
        revision: problem.revision,
    }
}
