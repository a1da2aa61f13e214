use std::time::Duration;

use super::Builder;

/// As in the other gRPC implementations.
pub(super) const DEFAULT: Duration = Duration::from_secs(30 * 60);

impl Builder {
    /// How long a channel without a call, open or waiting, keeps its connections, its
    /// resolver and its balancer's stream before it goes IDLE and lets go of them: so long,
    /// and at most an eighth more. Default 30 min. [`Duration::MAX`]: never.
    ///
    /// The next call wakes it, and waits for the connections;
    /// [`Channel::connect_now`](crate::Channel::connect_now) wakes it without a call.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }
}
