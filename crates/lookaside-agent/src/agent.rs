use std::time::Duration;

use lookaside_core::{BackendId, BackendState, ServiceName};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    AgentState,
    task::{Task, Wanted},
};

/// Keeps one backend recorded. Dropping it stops the renewals, and the registration
/// expires; [`Agent::shutdown`] is the way to leave without losing a call.
#[derive(Debug)]
pub struct Agent {
    wanted: watch::Sender<Wanted>,
    state: watch::Receiver<AgentState>,
    registering: watch::Receiver<bool>,
    drain_time: Duration,
    task: AbortOnDropHandle<()>,
}

impl Agent {
    pub(crate) fn start(
        task: Task,
        wanted: watch::Sender<Wanted>,
        state: watch::Receiver<AgentState>,
        drain_time: Duration,
    ) -> Self {
        Self {
            wanted,
            state,
            registering: task.registering.subscribe(),
            drain_time,
            task: AbortOnDropHandle::new(tokio::spawn(task.run())),
        }
    }

    /// How the backend stands with the registry, now and after every change.
    pub fn state(&self) -> watch::Receiver<AgentState> {
        self.state.clone()
    }

    /// The backend's service and id.
    pub fn identity(&self) -> (ServiceName, BackendId) {
        let registration = &self.wanted.borrow().registration;
        (registration.service.clone(), registration.id.clone())
    }

    /// Waits until the backend is recorded, however long that takes.
    pub async fn registered(&self) {
        // The sender lives as long as the task; one that ended has nothing to wait for.
        let _ = self.state().wait_for(AgentState::is_recorded).await;
    }

    /// Changes the backend's weight; written in the background, and kept across
    /// registrations. 0 takes the backend out of the lists.
    pub fn set_weight(&self, weight: u32) {
        self.wanted.send_if_modified(|wanted| {
            let changed = wanted.registration.weight != weight;
            wanted.registration.weight = weight;
            changed
        });
    }

    /// Announces that the backend is leaving and waits for the drain time: clients
    /// have their new list by then. Keep serving meanwhile; the registration stays.
    pub async fn drain(&self) {
        let began = Instant::now();
        let left = || self.drain_time.saturating_sub(began.elapsed());
        self.wanted
            .send_modify(|wanted| wanted.registration.state = BackendState::Draining);
        // A registration that is on its way would send clients here, as serving.
        let mut registering = self.registering.clone();
        let _ = timeout(left(), registering.wait_for(|registering| !registering)).await;
        if matches!(*self.state.borrow(), AgentState::Registering { .. }) {
            return; // nobody has been sent here
        }
        let announced = |state: &AgentState| matches!(state, AgentState::Draining);
        if matches!(
            timeout(left(), self.state().wait_for(announced)).await,
            Ok(Ok(_))
        ) {
            sleep(left()).await;
        } else {
            tracing::warn!("the registry could not be told of the drain in time");
        }
    }

    /// Takes the backend out of the registry and ends the agent. Tries for 3 s; a
    /// registration that could not be taken out expires.
    pub async fn deregister(self) {
        self.wanted.send_modify(|wanted| wanted.end = true);
        // Bounded: a request in flight and the deregistration both are.
        let _ = self.task.await;
    }

    /// [`Agent::drain`], then [`Agent::deregister`].
    pub async fn shutdown(self) {
        self.drain().await;
        self.deregister().await;
    }
}
