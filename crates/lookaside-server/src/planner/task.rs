use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lookaside_core::TokenIssuer;
use lookaside_registry::{Freshness, Judged, LastKnown, RegistryState, names::Names};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    PlanConfig,
    asking::Asking,
    changelog::ROUND,
    removal_report::report,
    services::{Now, Services},
};
use crate::{
    Lists, Probes,
    health::{CheckedServices, Verdicts},
    metrics::RemovalMetrics,
    table::Table,
};

/// How long the first lists wait for host names to have been tried, and for whoever
/// vanished before the start to have been asked: two lookups that time out, one behind the
/// other. A crowd of dead names must not keep a balancer closed; what is still being looked
/// up then joins its list when it is found.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is done about backends that vanish.
#[derive(Debug)]
pub(crate) struct RemovalConfig {
    pub(crate) probes: Probes,
    pub(crate) metrics: RemovalMetrics,
    /// What the registry said to a process before this one, and whom that held.
    pub(crate) last_known: Option<LastKnown>,
    /// Where whom this one holds is kept for the next, if anywhere.
    pub(crate) judged: Option<watch::Sender<Arc<Judged>>>,
}

/// What is planned from, each complete at a revision of its own.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) registry: watch::Receiver<Arc<RegistryState>>,
    pub(crate) names: watch::Receiver<Arc<Names>>,
    pub(crate) tokens: watch::Receiver<TokenIssuer>,
    pub(crate) verdicts: watch::Receiver<Arc<Verdicts>>,
}

/// Plans until it is dropped, and says in `checks` whose health is to be checked.
/// `planned` becomes `Ok` when everything has been planned once; until then it says what
/// is being waited for.
pub(crate) async fn run(
    sources: Sources,
    table: Arc<Table>,
    config: PlanConfig,
    lists: Lists,
    planned: watch::Sender<Result<(), Arc<str>>>,
    checks: watch::Sender<Arc<CheckedServices>>,
    removal: RemovalConfig,
) {
    let Sources {
        mut registry,
        mut names,
        mut tokens,
        mut verdicts,
    } = sources;
    let mut services = Services::new(table, config, &lists);
    if let Some(last_known) = &removal.last_known {
        services.remember(last_known, now());
    }
    let mut asking = Asking::new(removal.probes);
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    registry.mark_changed();
    names.mark_changed();
    tokens.mark_changed();
    let (mut registry_follows, mut names_follow) = (true, true);
    let (mut tokens_follow, mut verdicts_follow) = (true, true);
    let mut complete = false;
    let mut read_at = None;
    let mut settled_at = None;
    loop {
        while asking.has_room()
            && let Some((probe, check)) = services.next_probe(now())
        {
            asking.begin(probe, check);
        }
        let ask = asking
            .has_room()
            .then(|| services.next_probe_at(now()))
            .flatten();
        let look = services.next_look().into_iter().chain(ask).min();
        let due = services.next_due();
        let patience = read_at
            .map(|read_at: Instant| read_at + PATIENCE)
            .filter(|end| !complete && *end > Instant::now());
        tokio::select! {
            changed = registry.changed(), if registry_follows => {
                // A registry that is gone changes nothing; the lists stand.
                registry_follows = changed.is_ok();
                if !registry_follows {
                    tracing::warn!("the registry has ended: nothing changes any more");
                }
                let state = Arc::clone(&registry.borrow_and_update());
                services.observe(&state, now());
                if !registry_follows {
                    services.lose(now());
                }
            }
            changed = names.changed(), if names_follow => {
                // A resolver that has ended changes nothing more; the addresses stand.
                names_follow = changed.is_ok();
                let newest = Arc::clone(&names.borrow_and_update());
                services.resolve(newest, now());
            }
            changed = tokens.changed(), if tokens_follow => {
                // Nobody is left who would change the key; the one there is stands.
                tokens_follow = changed.is_ok();
                let issuer = tokens.borrow_and_update().clone();
                services.sign(issuer, now());
            }
            changed = verdicts.changed(), if verdicts_follow => {
                // Checks that have ended find out nothing more; what is ejected stays so.
                verdicts_follow = changed.is_ok();
                let newest = Arc::clone(&verdicts.borrow_and_update());
                services.judge(newest, now());
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                services.send_due(now());
            }
            () = sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => {
                services.look(now());
            }
            (ticket, answer) = asking.next() => services.probed(ticket, answer, now()),
            () = sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => {}
            _ = round.tick() => {
                services.tell_waiting();
                // They are kept for minutes: as often will do.
                services.forget_absent(Instant::now());
            }
        }
        if let Some(judged) = &removal.judged {
            judged.send_if_modified(|kept| {
                let is_new = !Arc::ptr_eq(kept, services.judged());
                *kept = Arc::clone(services.judged());
                is_new
            });
        }
        services.checks().publish(&checks);
        report(services.take_removal_events(), &removal.metrics);
        let suspects = i64::try_from(services.suspects()).unwrap_or(i64::MAX);
        removal.metrics.suspects.set(suspects);
        if !complete {
            if read_at.is_none() && services.has_state() {
                read_at = Some(Instant::now());
            }
            let patient = read_at.is_some_and(|at| at.elapsed() < PATIENCE);
            let mut waiting_for = waiting_for(&registry.borrow(), &services, patient);
            if waiting_for.is_none() && services.next_due().is_some() {
                // What was found of the names last may be in no list yet. It is when a burst
                // has been merged; under a storm something is always due.
                let settled_at = *settled_at.get_or_insert_with(Instant::now);
                waiting_for = (settled_at.elapsed() < lists.max_delay)
                    .then(|| "the first lists are being made".into());
            }
            complete = waiting_for.is_none();
            if complete {
                services.open_changelog();
            }
            planned.send_if_modified(|planned| {
                let new = waiting_for.map_or(Ok(()), Err);
                let changed = *planned != new;
                *planned = new;
                changed
            });
        }
    }
}

fn now() -> Now {
    Now {
        timer: Instant::now(),
        clock: SystemTime::now(),
    }
}

/// What must be known before the first lists, and is not.
fn waiting_for(state: &RegistryState, services: &Services, patient: bool) -> Option<Arc<str>> {
    if services.has_state() {
        return if patient && !services.names_are_tried() {
            Some("the backends' host names are being looked up".into())
        } else if patient && services.asks() {
            Some("backends that have vanished are being asked whether they are alive".into())
        } else {
            None
        };
    }
    Some(match &state.freshness {
        Freshness::Connecting {
            error: Some(error), ..
        }
        | Freshness::Stale { error, .. } => format!("the registry cannot be read: {error}").into(),
        Freshness::Connecting { error: None, .. } | Freshness::Synced { .. } => {
            "the registry has not been read completely yet".into()
        }
    })
}

#[cfg(test)]
mod tests;
