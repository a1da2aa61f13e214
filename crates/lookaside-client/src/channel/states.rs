use std::{fmt, sync::Arc};

use super::Shared;
use crate::ConnectivityState;

/// The connectivity states of a channel, one after the other; see
/// [`Channel::states`](super::Channel::states).
///
/// Whoever looks seldom misses states in between, and always gets the newest. It does not
/// keep the channel open.
///
/// ```no_run
/// # async fn run(channel: lookaside_client::Channel) {
/// let mut states = channel.states();
/// while let Some(state) = states.changed().await {
///     println!("{state}");
/// }
/// # }
/// ```
pub struct States {
    shared: Arc<Shared>,
    last: Option<ConnectivityState>,
}

impl States {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, last: None }
    }

    /// The state now, whether it was told or not.
    pub fn current(&self) -> ConnectivityState {
        self.shared.status().connectivity
    }

    /// Waits until the state is another than the one told last, and tells it: the first
    /// time at once. None after SHUTDOWN, which is final.
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn changed(&mut self) -> Option<ConnectivityState> {
        if self.last == Some(ConnectivityState::Shutdown) {
            return None;
        }
        let last = self.last;
        let status = self
            .shared
            .wait_for(|status| Some(status.connectivity) != last);
        self.last = Some(status.await.connectivity);
        self.last
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States")
            .field("last", &self.last)
            .field("current", &self.current())
            .finish()
    }
}
