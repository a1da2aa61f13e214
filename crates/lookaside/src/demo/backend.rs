use std::{net::SocketAddr, time::Duration};

use lookaside_agent::{Agent, Target};
use lookaside_core::ServiceName;
use tokio::net::TcpListener;

use crate::backend::Server;

/// Long enough that a killed backend has calls in flight.
const WORK: Duration = Duration::from_millis(10);

/// Short, so that a killed backend's registration runs out while somebody looks.
const TTL: Duration = Duration::from_secs(3);

/// A demo backend with its registration. Dropping it kills it: connections break, and
/// the registration runs out.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    _server: Server,
    agent: Agent,
}

impl Backend {
    pub(super) async fn start(
        name: &'static str,
        weight: u32,
        service: &ServiceName,
        target: Target,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = Server::start(listener, name, WORK, None).await;
        let agent = Agent::builder(service.as_str(), address)
            .id(name)
            .weight(weight)
            .ttl(TTL)
            .register(target)?;
        Ok(Self {
            name,
            address,
            _server: server,
            agent,
        })
    }

    /// Leaves the registry as it was.
    pub(super) async fn deregister(self) {
        self.agent.deregister().await;
    }
}
