use std::{future::pending, sync::Arc, time::Duration};

use fastrand::Rng;
use lookaside_core::{BackendState, Backoff};
use lookaside_registry::{Registrar, RegistrarError, Registration};
use tokio::{
    select,
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::{
    AgentState,
    claims::Claims,
    keeper::{BACKOFF, Keeper, Step},
};

/// A registry that takes longer than this over one request is not answering.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(5);

/// And even a short time to live leaves it this long.
const MIN_REQUEST_TIME: Duration = Duration::from_secs(1);

/// How long a registration that is to end is tried to be taken out; after that it
/// expires.
const DEREGISTER_TIME: Duration = Duration::from_secs(3);

/// What the agent asks of its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) registration: Registration,
    pub(crate) end: bool,
}

/// Carries out what the [`Keeper`] decides; ends when the agent is dropped or wants it
/// to.
pub(crate) struct Task {
    pub(crate) registrar: Arc<dyn Registrar>,
    pub(crate) nudge: Option<Arc<Notify>>,
    pub(crate) ttl: Duration,
    pub(crate) wanted: watch::Receiver<Wanted>,
    pub(crate) state: watch::Sender<AgentState>,
    /// Whether a registration is on its way. A drain looks here after it has changed
    /// what is wanted; a registration looks there after it has said so here.
    pub(crate) registering: watch::Sender<bool>,
    pub(crate) rng: Rng,
    /// What proves that it is the same backend again, and what it asked for last.
    pub(crate) claims: Claims,
}

impl Task {
    pub(crate) async fn run(mut self) {
        let mut keeper = Keeper::default();
        loop {
            let Wanted { registration, end } = self.wanted.borrow_and_update().clone();
            if end {
                break self.deregister(&keeper).await;
            }
            let (at, step) = keeper.next(&registration, Instant::now());
            select! {
                changed = self.wanted.changed() => match changed {
                    Ok(()) => {}
                    Err(_) => break, // the agent was dropped
                },
                () = sleep_until(at) => self.take(&mut keeper, step, registration).await,
                () = nudged(self.nudge.as_deref()) => {
                    keeper.nudged(Instant::now(), &mut self.rng);
                }
            }
        }
    }

    /// A request that was sent is waited for (its time is bounded) even if something
    /// else is wanted by then: one given up may have made a registration that nobody
    /// renews.
    async fn take(&mut self, keeper: &mut Keeper, step: Step, registration: Registration) {
        let registering = step == Step::Register;
        self.registering.send_replace(registering);
        if !(registering && self.wanted.has_changed().unwrap_or(true)) {
            self.ask(keeper, step, registration).await;
        }
        self.registering.send_replace(false);
    }

    async fn ask(&mut self, keeper: &mut Keeper, step: Step, registration: Registration) {
        let sent = Instant::now();
        let limit = (self.ttl / 3).clamp(MIN_REQUEST_TIME, MAX_REQUEST_TIME);
        let registrar = &self.registrar;
        let answer = match step {
            Step::Register => match self.claims.of(&registration) {
                Ok(claim) => within(limit, registrar.claim(&registration, self.ttl, &claim))
                    .await
                    .map(|made| {
                        self.claims.answered();
                        keeper.registered(made, registration, sent);
                    }),
                Err(error) => Err(error),
            },
            Step::Renew(handle) => within(limit, registrar.renew(&handle))
                .await
                .map(|ttl| keeper.renewed(ttl, sent)),
            Step::Update(handle) => within(limit, registrar.update(&handle, &registration))
                .await
                .map(|()| keeper.updated(registration)),
        };
        if let Err(error) = &answer {
            keeper.failed(error, Instant::now(), &mut self.rng);
        }
        self.publish(keeper, answer.err());
    }

    fn publish(&self, keeper: &Keeper, error: Option<RegistrarError>) {
        let recorded = keeper
            .recorded()
            .filter(|_| keeper.is_alive(Instant::now()));
        let next = match (recorded, error) {
            (Some(recorded), _) if recorded.state == BackendState::Draining => AgentState::Draining,
            (Some(_), _) => AgentState::Registered,
            (None, error) => {
                let error = error.map(|error| Arc::from(error.to_string()));
                match (&*self.state.borrow(), error) {
                    (AgentState::Registering { .. }, error) => AgentState::Registering { error },
                    (_, Some(error)) => AgentState::Lost { error },
                    (_, None) => return, // only a failure loses a registration
                }
            }
        };
        self.state.send_if_modified(|state| {
            let changed = *state != next;
            if changed {
                self.log(&next);
                *state = next;
            }
            changed
        });
    }

    fn log(&self, state: &AgentState) {
        let registration = &self.wanted.borrow().registration;
        let (service, backend) = (&registration.service, &registration.id);
        match state {
            AgentState::Registering { error: None } => {}
            AgentState::Registering { error: Some(error) } => {
                tracing::warn!(%service, %backend, %error, "cannot register, trying again");
            }
            AgentState::Registered => {
                let address = &registration.address;
                tracing::info!(%service, %backend, %address, "registered");
            }
            AgentState::Draining => tracing::info!(%service, %backend, "announced as draining"),
            AgentState::Lost { error } => {
                tracing::warn!(%service, %backend, %error, "the registration is lost, trying again");
            }
            AgentState::Ended => {}
        }
    }

    async fn deregister(&mut self, keeper: &Keeper) {
        if let Some(handle) = keeper.handle() {
            let Registration {
                service,
                id: backend,
                ..
            } = self.wanted.borrow().registration.clone();
            let deadline = Instant::now() + DEREGISTER_TIME;
            let mut backoff = Backoff::new(BACKOFF);
            loop {
                let deregistered = timeout_at(deadline, self.registrar.deregister(handle)).await;
                match deregistered.unwrap_or_else(|_| Err(no_answer(DEREGISTER_TIME))) {
                    Ok(()) => break tracing::info!(%service, %backend, "deregistered"),
                    Err(error) => {
                        let again = Instant::now() + backoff.next(&mut self.rng);
                        if again >= deadline {
                            break tracing::warn!(
                                %service, %backend, %error,
                                "cannot deregister; the registration will expire"
                            );
                        }
                        sleep_until(again).await;
                    }
                }
            }
        }
        self.state.send_replace(AgentState::Ended);
    }
}

async fn nudged(nudge: Option<&Notify>) {
    match nudge {
        Some(nudge) => nudge.notified().await,
        None => pending().await,
    }
}

async fn within<T>(
    limit: Duration,
    request: impl Future<Output = Result<T, RegistrarError>>,
) -> Result<T, RegistrarError> {
    timeout(limit, request)
        .await
        .unwrap_or_else(|_| Err(no_answer(limit)))
}

fn no_answer(within: Duration) -> RegistrarError {
    RegistrarError::Unavailable(format!("no answer within {within:?}").into())
}

#[cfg(test)]
mod tests;
