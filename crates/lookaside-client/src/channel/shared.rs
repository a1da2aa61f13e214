use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicU64,
        Ordering::{AcqRel, Relaxed, Release},
    },
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use super::activity::Activity;
use crate::{
    ConnectivityState, Event, Mode, PickError, PolicyState,
    observer::Observers,
    policy::{ClosedPicker, QueuingPicker},
};

/// What the policy task publishes and calls read.
pub(crate) struct Shared {
    published: ArcSwap<Published>,
    status: watch::Sender<Status>,
    next_version: AtomicU64,
    backoff_reset: AtomicBool,
    pub(crate) activity: Activity,
    pub(crate) observers: Observers,
    /// Empty until there is one, which calls wait for.
    #[cfg(feature = "service-config")]
    pub(crate) config: arc_swap::ArcSwapOption<crate::service_config::CallConfig>,
}

/// One picker and what goes with it, swapped as a whole.
pub(crate) struct Published {
    pub(crate) version: u64,
    pub(crate) state: PolicyState,
}

/// What waiters look at; never on the way of a call that finds a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    version: u64,
    pub(crate) connectivity: ConnectivityState,
    pub(crate) mode: Mode,
}

impl Shared {
    /// Before the policy's first word: calls wait.
    pub(crate) fn new(mode: Mode, observers: Observers) -> Self {
        let mut state = PolicyState::new(ConnectivityState::Connecting, Arc::new(QueuingPicker));
        state.mode = mode;
        let status = Status {
            version: 0,
            connectivity: state.connectivity,
            mode,
        };
        Self {
            published: ArcSwap::from_pointee(Published { version: 0, state }),
            status: watch::Sender::new(status),
            next_version: AtomicU64::new(1),
            backoff_reset: AtomicBool::new(false),
            activity: Activity::default(),
            observers,
            #[cfg(feature = "service-config")]
            config: arc_swap::ArcSwapOption::empty(),
        }
    }

    /// The picker in force.
    pub(crate) fn published(&self) -> Guard<Arc<Published>> {
        self.published.load()
    }

    pub(crate) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Replaces the picker. Only the policy task does.
    pub(crate) fn publish(&self, state: PolicyState) {
        let version = self.next_version.fetch_add(1, Relaxed);
        let status = Status {
            version,
            connectivity: state.connectivity,
            mode: state.mode,
        };
        let before = self.status();
        self.tell(&before, &status);
        // The picker first: who is woken must find it.
        self.published.store(Arc::new(Published { version, state }));
        self.status.send_replace(status);
    }

    fn tell(&self, before: &Status, now: &Status) {
        let (from, to) = (before.connectivity, now.connectivity);
        let changed = (from, before.mode) != (to, now.mode);
        if changed {
            tracing::debug!(state = %to, mode = %now.mode, "channel");
        }
        if from != to {
            self.observers.tell(&Event::State { from, to });
        }
        let (from, to) = (before.mode, now.mode);
        if from != to {
            self.observers.tell(&Event::Mode { from, to });
        }
    }

    /// What new calls are configured with. Only the policy task says so.
    #[cfg(feature = "service-config")]
    pub(crate) fn configure(&self, config: crate::service_config::CallConfig) {
        self.config.store(Some(Arc::new(config)));
        // Wakes those that wait for it.
        let state = self.published().state.clone();
        self.publish(state);
    }

    /// The policy task, which is told next, is to end all waits between attempts.
    pub(crate) fn wish_backoff_reset(&self) {
        self.backoff_reset.store(true, Release);
    }

    pub(crate) fn take_backoff_reset(&self) -> bool {
        self.backoff_reset.swap(false, AcqRel)
    }

    /// The last word: also calls that wait for ready would wait for nothing.
    pub(crate) fn close(&self) {
        let error = PickError::new("the channel is closed");
        let picker = Arc::new(ClosedPicker(error.clone()));
        let mut state =
            PolicyState::new(ConnectivityState::Shutdown, picker).with_last_error(Some(error));
        state.mode = self.status().mode;
        self.publish(state);
    }

    /// Waits for a picker newer than `version`.
    pub(crate) async fn newer_than(&self, version: u64) {
        self.wait_for(|status| status.version > version).await;
    }

    pub(crate) async fn wait_for(&self, condition: impl Fn(&Status) -> bool) -> Status {
        let mut status = self.status.subscribe();
        let found = status.wait_for(condition).await.map(|status| *status);
        match found {
            Ok(status) => status,
            // Cannot be: the sender lives in `self`.
            Err(_) => std::future::pending().await,
        }
    }
}
