use std::sync::Arc;

use super::Builder;
use crate::subchannel::HealthCheck;

impl Builder {
    /// Asks every backend over its own connection whether `service` serves, by
    /// `grpc.health.v1/Watch`, and sends calls only to those that say so; empty: the server
    /// as a whole. Default: to be connected is enough.
    ///
    /// A backend without the health service counts as healthy. Not asked are backends that
    /// a balancer listed, since it has done so, and those of `pick_first`, which stays with
    /// the first that it reaches (A17). Feature `health`.
    pub fn health_check(mut self, service: impl Into<Arc<str>>) -> Self {
        self.health = Some(HealthCheck::new(service));
        self
    }
}
