use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use lookaside_server::{Balancer, StartError};
use tokio::time::{Instant, sleep, timeout};

use super::place::Place;
use crate::registry::Opened;

/// How long a balancer may take to read its registry before the demo gives up.
const START_TIME: Duration = Duration::from_secs(10);

/// How long the ports of a killed balancer may take to become free.
const PORTS_TIME: Duration = Duration::from_secs(3);

/// A balancer on loopback. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Running {
    balancer: Balancer,
    _registry: Opened,
}

impl Running {
    /// Starts one and waits until clients can connect.
    pub(super) async fn start(
        place: &mut Place,
        listen: SocketAddr,
        admin: SocketAddr,
        again: bool,
    ) -> anyhow::Result<Self> {
        let opened = place.open().await?;
        let mut config = place.config().balancer(listen, admin);
        // Reports often enough to be seen in the time that the demo takes.
        config.lists.report_interval = Duration::from_secs(1);
        if !again {
            // Nobody was registered before: there is nobody to wait for.
            config.lists.hold = Duration::ZERO;
        }
        let deadline = Instant::now() + PORTS_TIME;
        let balancer = loop {
            let names = opened.names.subscribe();
            match Balancer::start(config.clone(), opened.registry.clone(), names) {
                Err(StartError::Listen { .. }) if Instant::now() < deadline => {
                    sleep(Duration::from_millis(20)).await;
                }
                started => break started.context("the balancer does not start")?,
            }
        };
        let ready = timeout(START_TIME, balancer.ready()).await;
        if ready.is_err() {
            let reason = balancer.readiness().borrow().to_string();
            anyhow::bail!("the balancer is not ready after {START_TIME:?}: {reason}");
        }
        Ok(Self {
            balancer,
            _registry: opened,
        })
    }

    pub(super) fn client_addr(&self) -> SocketAddr {
        self.balancer.client_addr()
    }

    pub(super) fn admin_addr(&self) -> SocketAddr {
        self.balancer.admin_addr()
    }
}
