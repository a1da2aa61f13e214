use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use super::activity::Activity;
use crate::{
    ConnectivityState, Mode, PickError, PolicyState,
    policy::{ClosedPicker, QueuingPicker},
};

/// What the policy task publishes and calls read.
pub(crate) struct Shared {
    published: ArcSwap<Published>,
    status: watch::Sender<Status>,
    next_version: AtomicU64,
    pub(crate) activity: Activity,
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
    pub(crate) fn new(mode: Mode) -> Self {
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
            activity: Activity::default(),
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
        if (before.connectivity, before.mode) != (status.connectivity, status.mode) {
            tracing::debug!(state = %status.connectivity, mode = %status.mode, "channel");
        }
        // The picker first: who is woken must find it.
        self.published.store(Arc::new(Published { version, state }));
        self.status.send_replace(status);
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
