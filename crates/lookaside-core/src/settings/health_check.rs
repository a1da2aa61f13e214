use std::{num::NonZeroU32, sync::Arc, time::Duration};

/// How the backends of a service are checked by the balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// From one probe of a backend to the next, give or take a tenth. Default
    /// [`HealthCheck::INTERVAL`].
    pub interval: Duration,
    /// How long a probe may take. Default [`HealthCheck::TIMEOUT`].
    pub timeout: Duration,
    /// So many failures in a row eject a backend. Default [`HealthCheck::EJECT_AFTER`].
    pub eject_after: NonZeroU32,
    /// So many successes in a row bring it back. Default [`HealthCheck::RETURN_AFTER`].
    pub return_after: NonZeroU32,
    /// How long a backend stays ejected, or not, at least: one that flaps does not make
    /// every client's list flap. Default [`HealthCheck::DWELL`].
    pub dwell: Duration,
}

/// What a health check asks a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether it accepts a connection.
    Tcp,
    /// `grpc.health.v1.Health/Check`.
    Grpc {
        /// The service name in the request; empty: the server as a whole.
        service: Arc<str>,
        /// Whether the backend expects TLS.
        tls: bool,
    },
}

impl HealthCheck {
    /// Two probes in the time a client's own keepalive would need to notice.
    pub const INTERVAL: Duration = Duration::from_secs(5);
    /// Of a healthy backend in the same region, a hundred times what it needs.
    pub const TIMEOUT: Duration = Duration::from_secs(1);
    /// One lost packet is no failure of a backend.
    pub const EJECT_AFTER: NonZeroU32 = NonZeroU32::new(3).unwrap();
    /// One answer is no recovery of a backend.
    pub const RETURN_AFTER: NonZeroU32 = NonZeroU32::new(2).unwrap();
    /// As long as the connections that stock clients keep of a backend that has left
    /// their list.
    pub const DWELL: Duration = Duration::from_secs(10);

    /// A check with the default times and counts.
    pub fn new(probe: Probe) -> Self {
        Self {
            probe,
            interval: Self::INTERVAL,
            timeout: Self::TIMEOUT,
            eject_after: Self::EJECT_AFTER,
            return_after: Self::RETURN_AFTER,
            dwell: Self::DWELL,
        }
    }
}
