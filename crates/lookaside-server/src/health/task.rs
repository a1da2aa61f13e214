use std::{
    collections::HashMap,
    future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until},
};

use super::{
    Verdicts,
    checks::CheckedServices,
    pace::Pace,
    roster::{Change, Roster, Ticket},
};
use crate::{ProbeError, Probes, metrics::HealthMetrics, probe::HealthTurn};

/// The least time between two publications of verdicts: when a whole service goes, or the
/// network does, thousands of verdicts come one by one, and each publication costs as much
/// as there are ejections. No longer than what the planner merges anyway.
const PUBLISH_GAP: Duration = Duration::from_millis(50);

/// Checks what it is told to until it is dropped, and publishes what is ejected.
pub(crate) async fn run(
    probes: Probes,
    mut checks: watch::Receiver<Arc<CheckedServices>>,
    verdicts: watch::Sender<Arc<Verdicts>>,
    metrics: HealthMetrics,
    rng: fastrand::Rng,
) {
    let mut engine = Engine {
        probes,
        roster: Roster::new(rng),
        pace: Pace::new(Instant::now()),
        running: JoinSet::new(),
        tickets: HashMap::new(),
        verdicts,
        published_at: None,
        changes: Changes::default(),
        metrics,
    };
    let mut follows = true;
    loop {
        let now = Instant::now();
        engine.publish(now);
        engine.begin_all(now);
        let longest = engine.roster.longest_due();
        let overdue = longest.map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        engine.metrics.overdue(overdue);
        let due = engine.next_begin();
        // Something is due and waits for its turn behind other probes.
        let queues = due.is_some_and(|due| due <= now);
        let publish_at = engine.publish_at();
        tokio::select! {
            changed = checks.changed(), if follows => {
                // A planner that has ended believes what it believed.
                follows = changed.is_ok();
                let next = Arc::clone(&checks.borrow_and_update());
                engine.roster.follow(next, Instant::now());
                engine.count();
            }
            Some(done) = engine.running.join_next_with_id() => engine.end_all(done),
            turn = engine.probes.health_turn(), if queues => {
                if let Ok(turn) = turn {
                    engine.begin(turn, Instant::now());
                }
            }
            () = until(due), if !queues => {}
            () = until(publish_at) => {}
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => future::pending().await,
    }
}

/// The checking and what is under way of it.
struct Engine {
    probes: Probes,
    roster: Roster,
    pace: Pace,
    running: JoinSet<Result<(), ProbeError>>,
    tickets: HashMap<Id, Ticket>,
    verdicts: watch::Sender<Arc<Verdicts>>,
    published_at: Option<Instant>,
    changes: Changes,
    metrics: HealthMetrics,
}

type Done = Result<(Id, Result<(), ProbeError>), JoinError>;

impl Engine {
    /// When the next probe is due, and may begin by the pace of all.
    fn next_begin(&self) -> Option<Instant> {
        let due = self.roster.next_due()?;
        Some(due.max(self.pace.next()))
    }

    /// Begins what is due, as far as there are turns for it.
    fn begin_all(&mut self, now: Instant) {
        while self.next_begin().is_some_and(|at| at <= now)
            && let Some(turn) = self.probes.try_health_turn()
        {
            self.begin(turn, now);
        }
    }

    fn begin(&mut self, turn: HealthTurn, now: Instant) {
        let Some(ticket) = self.roster.begin(now) else {
            return;
        };
        self.pace.count(now);
        let probes = self.probes.clone();
        let (target, check) = (ticket.target.clone(), Arc::clone(&ticket.check));
        let task = self.running.spawn(async move {
            let result = probes.ask(&target, &check.probe, check.timeout).await;
            drop(turn);
            result
        });
        self.tickets.insert(task.id(), ticket);
    }

    /// Ends a probe, and with it all others that are done.
    fn end_all(&mut self, first: Done) {
        let (now, clock) = (Instant::now(), SystemTime::now());
        let mut next = Some(first);
        while let Some(done) = next {
            let (id, result) = match done {
                Ok(done) => done,
                // A prober that panics has its address probed again.
                Err(error) => {
                    let failed = ProbeError::Local(error.to_string().into());
                    (error.id(), Err(failed))
                }
            };
            if let Some(ticket) = self.tickets.remove(&id) {
                self.metrics.probed(&result);
                let change = self.roster.end(&ticket, &result, now, clock);
                self.changes.note(change, &ticket, &result);
            }
            next = self.running.try_join_next_with_id();
        }
    }

    fn publish_at(&self) -> Option<Instant> {
        let waits = self.roster.is_dirty();
        self.published_at
            .filter(|_| waits)
            .map(|last| last + PUBLISH_GAP)
    }

    fn publish(&mut self, now: Instant) {
        let gap = self
            .published_at
            .is_none_or(|last| now >= last + PUBLISH_GAP);
        if gap && let Some(verdicts) = self.roster.publish() {
            self.published_at = Some(now);
            self.verdicts.send_replace(verdicts);
            std::mem::take(&mut self.changes).report(&self.metrics, self.roster.ejected());
            self.count();
        }
    }

    fn count(&self) {
        self.metrics.count(self.roster.len(), self.roster.ejected());
    }
}

/// What changed since the verdicts were published last: a line in the log for all of it,
/// because whole fleets come and go at once.
#[derive(Debug, Default)]
struct Changes {
    ejected: u64,
    returned: u64,
    /// One of those ejected, and why.
    example: Option<String>,
}

impl Changes {
    fn note(&mut self, change: Option<Change>, ticket: &Ticket, result: &Result<(), ProbeError>) {
        match change {
            None => {}
            Some(Change::Returned) => self.returned += 1,
            Some(Change::Ejected) => {
                self.ejected += 1;
                if let Err(error) = result {
                    let line = || format!("{}: {error}", ticket.target);
                    self.example.get_or_insert_with(line);
                }
            }
        }
    }

    fn report(self, metrics: &HealthMetrics, now_ejected: usize) {
        let Self {
            ejected, returned, ..
        } = self;
        metrics.changed(ejected, returned);
        match &self.example {
            Some(example) => tracing::warn!(
                ejected,
                returned,
                now_ejected,
                example,
                "backends fail their health checks"
            ),
            None if returned > 0 => {
                tracing::info!(
                    returned,
                    now_ejected,
                    "backends pass their health checks again"
                );
            }
            // Ejected ones have left.
            None => {}
        }
    }
}
