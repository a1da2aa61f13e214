use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use lookaside_core::{
    BackoffConfig, ConnectivityState, Subchannel as Machine, SubchannelAction as Action,
    SubchannelEvent as Event,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Sleep, sleep_until, timeout},
};

use super::{
    Connection, ConnectionSettings, Core, HealthCheck, SubchannelState,
    connection::ConnectionEnd,
    direct::Direct,
    health::{HealthReport, HealthWatch},
    open_connections::OpenConnections,
    pool,
};
use crate::{Connector, PickError};

/// The least time between the starts of two attempts, whatever the peer does: one that closes
/// after every call has no back-off, and would be dialled thousands of times a second. Short
/// enough that calls which wait for a restarted peer hardly notice.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

/// One subchannel's task: does what the state machine says, and tells it what happened.
/// Ends when the pool lets go of it.
pub(super) struct Actor {
    pub(super) core: Arc<Core>,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) settings: ConnectionSettings,
    pub(super) backoff: BackoffConfig,
    /// At most so long per attempt; the machine's own limit where there is none.
    pub(super) connect_timeout: Option<Duration>,
    pub(super) events: mpsc::Sender<pool::Event>,
    pub(super) open: OpenConnections,
    /// What to check while somebody wants it checked; the pool says when it changes.
    pub(super) health: Arc<ArcSwapOption<HealthCheck>>,
    /// Resolves when the pool drops the other end.
    pub(super) stop: oneshot::Receiver<()>,
}

type Attempt = Pin<Box<dyn Future<Output = Result<(Connection, ConnectionEnd), String>> + Send>>;

/// What is under way; at most one of each.
#[derive(Default)]
struct Pending {
    attempt: Option<Attempt>,
    /// When the next attempt may start.
    not_before: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    end: Option<ConnectionEnd>,
    health: Option<HealthWatch>,
}

impl Pending {
    fn health(&self) -> HealthReport {
        let report = self.health.as_ref().map(HealthWatch::report);
        report.unwrap_or_default()
    }
}

impl Actor {
    pub(super) async fn run(mut self) {
        let mut machine = Machine::new(self.backoff);
        let mut rng = fastrand::Rng::new();
        let mut pending = Pending::default();
        loop {
            let event = tokio::select! {
                biased;
                _ = &mut self.stop => Event::ShutDown,
                outcome = wait_attempt(&mut pending.attempt) => {
                    pending.attempt = None;
                    match outcome {
                        Ok((connection, end)) => {
                            self.core.connection.store(Some(Arc::new(connection)));
                            pending.end = Some(end);
                            Event::Connected
                        }
                        Err(why) => Event::ConnectFailed(why.into()),
                    }
                }
                why = wait_end(&mut pending.end) => {
                    let end = pending.end.take();
                    let answered = end.is_some_and(|end| end.answered.load(Relaxed));
                    Event::Disconnected { why: why.into(), answered }
                }
                () = wait_timer(&mut pending.timer) => {
                    pending.timer = None;
                    Event::BackoffExpired
                }
                () = wait_health(&mut pending.health) => {
                    self.report(&machine, pending.health()).await;
                    continue;
                }
                () = self.core.wake.notified() => {
                    if self.update_health(&mut pending) {
                        self.report(&machine, pending.health()).await;
                    }
                    if self.core.backoff_reset.swap(false, AcqRel) {
                        // One wake may stand for two wishes.
                        self.core.wake.notify_one();
                        Event::BackoffReset
                    } else if self.core.connect_requested.load(Acquire) {
                        Event::ConnectRequested
                    } else {
                        continue;
                    }
                }
            };
            let now = Instant::now().into_std();
            for action in machine.handle(event, now, &mut rng) {
                self.perform(action, &machine, &mut pending).await;
            }
            if machine.state() == ConnectivityState::Shutdown {
                return;
            }
        }
    }

    async fn perform(&self, action: Action, machine: &Machine, pending: &mut Pending) {
        match action {
            Action::StartConnect { timeout } => {
                let timeout = self.connect_timeout.unwrap_or(timeout);
                let now = Instant::now();
                let start = pending.not_before.map_or(now, |at| at.max(now));
                pending.not_before = Some(start + BETWEEN_ATTEMPTS);
                pending.attempt = Some(self.attempt(start, timeout));
            }
            Action::CancelConnect => pending.attempt = None,
            Action::ArmTimer(wait) => {
                pending.timer = Some(Box::pin(sleep_until(Instant::now() + wait)));
            }
            Action::CancelTimer => pending.timer = None,
            // Calls that are open hold the connection themselves and finish.
            Action::Close => {
                self.core.connection.store(None);
                pending.end = None;
                pending.health = None;
            }
            Action::Report(_) => {
                self.update_health(pending);
                self.report(machine, pending.health()).await;
            }
        }
    }

    /// Begins to check the health of the backend, or ends it, as it is wanted now; says
    /// whether it did.
    fn update_health(&self, pending: &mut Pending) -> bool {
        let wanted = self.core.checked.load(SeqCst) > 0;
        let connection = self.core.connection.load();
        let check = self.health.load();
        let wanted = match (&*connection, &*check, &self.core.origin) {
            (Some(connection), Some(check), Some(origin)) if wanted => {
                Some((connection, check, origin))
            }
            _ => None,
        };
        let under_way = pending.health.as_ref().map(HealthWatch::check);
        if under_way == wanted.map(|(_, check, _)| &**check) {
            return false;
        }
        pending.health = wanted.map(|(connection, check, origin)| {
            check.start(Direct::new(connection, origin.clone()))
        });
        true
    }

    fn attempt(&self, start: Instant, limit: Duration) -> Attempt {
        let core = Arc::clone(&self.core);
        let connector = Arc::clone(&self.connector);
        let settings = self.settings;
        let open = self.open.clone();
        Box::pin(async move {
            sleep_until(start).await;
            let open = Connection::open(&*connector, &core.address, settings, &open);
            match timeout(limit, open).await {
                Ok(Ok(connected)) => Ok(connected),
                Ok(Err(error)) => Err(super::connection::describe(&error)),
                Err(_) => Err(format!("no HTTP/2 connection within {limit:?}")),
            }
        })
    }

    async fn report(&self, machine: &Machine, health: HealthReport) {
        let connectivity = machine.state();
        if connectivity == ConnectivityState::Idle {
            // Wishes from before do not count: whoever still wants a connection asks when
            // told of IDLE.
            self.core.connect_requested.store(false, Release);
        }
        let address = &self.core.address;
        let error = machine
            .failure()
            .or(health.why.as_ref())
            .map(|why| PickError::new(format!("{address}: {why}")));
        match (connectivity, &error) {
            (ConnectivityState::TransientFailure, Some(error)) => {
                tracing::info!(%address, %error, "could not connect");
            }
            _ => {
                let health = health.health;
                tracing::debug!(%address, state = %connectivity, ?health, "subchannel");
            }
        }
        let event = pool::Event {
            id: self.core.id,
            state: SubchannelState {
                connectivity,
                health: health.health,
                error,
            },
        };
        // Waiting is right: the policy task reads until it ends, and then drops its end.
        let _ = self.events.send(event).await;
    }
}

async fn wait_attempt(attempt: &mut Option<Attempt>) -> <Attempt as Future>::Output {
    match attempt {
        Some(attempt) => attempt.await,
        None => std::future::pending().await,
    }
}

async fn wait_end(end: &mut Option<ConnectionEnd>) -> String {
    match end {
        Some(end) => tokio::select! {
            why = &mut end.closed => why.unwrap_or_else(|_| "connection task ended".to_owned()),
            () = end.go_away.notified() => "the peer sent GOAWAY".to_owned(),
        },
        None => std::future::pending().await,
    }
}

async fn wait_timer(timer: &mut Option<Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

async fn wait_health(health: &mut Option<HealthWatch>) {
    match health {
        Some(health) => health.changed().await,
        None => std::future::pending().await,
    }
}
