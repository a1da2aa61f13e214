use std::{convert::Infallible, io::Write, net::SocketAddr, time::Duration};

use anyhow::Context;
use clap::{Args, builder::NonEmptyStringValueParser};
use lookaside_agent::advertised;
use lookaside_core::{HostPort, ServiceName};
use tokio::net::TcpListener;
use tonic_health::ServingStatus;

use super::{
    Failure,
    registration::{self, Registration},
    tokens::{CheckedTokens, TokenArgs},
    values,
};
use crate::{
    backend::Server,
    signals::{Hangups, HealthSignals, Signals},
};

/// Runs a demo backend, which registers itself if told a service.
///
/// It answers lookaside.demo.v1.Echo with its name and the token of each call, and
/// grpc.health.v1.Health: NOT_SERVING from SIGUSR1 on, SERVING again from SIGUSR2 on. Prints `listening ADDR` once it listens. On SIGINT or SIGTERM it announces its
/// departure, waits until clients have their new list and calls in flight have ended,
/// deregisters, and ends. A second signal ends it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside backend --listen 127.0.0.1:50051 --name a --service echo --weight 3 --balancer 127.0.0.1:7400
  lookaside backend --listen 0.0.0.0:50051 --name a --service echo --registry etcd://10.0.0.1:2379
  lookaside backend --listen 127.0.0.1:50051 --name a --service echo --balancer 127.0.0.1:7400 \\
      --token-key file:/etc/lookaside/token.key --token-mode reject-invalid

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Backend {
    /// Where to listen; port 0: the system's choice
    #[arg(long, value_name = "HOST:PORT")]
    listen: HostPort,

    /// What it calls itself in its answers
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,

    /// Where clients dial it [default: --listen; for a wildcard address, the local
    /// address of the route to the registry or balancer]
    #[arg(long, value_name = "HOST:PORT", value_parser = values::dialable)]
    advertise: Option<HostPort>,

    /// Register as a backend of this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<ServiceName>,

    #[command(flatten)]
    registration: Registration,

    #[command(flatten)]
    tokens: TokenArgs,
}

impl Backend {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let place = match &self.service {
            Some(service) => Some((service, self.registration.place()?)),
            None => {
                self.registration.check_unused()?;
                self.tokens.check_unused()?;
                None
            }
        };
        let mut signals = Signals::new()?;
        let mut health = HealthSignals::new()?;
        let mut hangups = Hangups::new()?;
        let listener = TcpListener::bind(self.listen.to_string())
            .await
            .with_context(|| format!("cannot listen on {}", self.listen))?;
        let local = listener.local_addr()?;
        let described = match place {
            Some((service, place)) => {
                let address = self.address(local, place.addresses()).await?;
                Some((
                    self.registration.describe(service.as_str(), &address),
                    place,
                ))
            }
            None => None,
        };
        let check = match &described {
            Some((backend, _)) => {
                let identity = backend.identity().map_err(Failure::usage)?;
                Some(self.tokens.check(identity)?)
            }
            None => None,
        };
        let running = check.as_ref().map(CheckedTokens::check);
        let server = Server::start(listener, &self.name, Duration::ZERO, running).await;
        let agent = match described {
            Some((backend, place)) => Some(registration::start(backend, place).await?),
            None => None,
        };
        writeln!(std::io::stdout(), "listening {local}")?;

        let name = tokio::select! {
            name = signals.next() => name,
            never = follow(&mut health, &server) => match never {},
            never = reload(check.as_ref(), &mut hangups) => match never {},
        };
        tracing::info!(reason = name, "leaving");
        let leave = async {
            if let Some(agent) = &agent {
                agent.drain().await;
            }
            server.shutdown().await;
            if let Some(agent) = agent {
                agent.deregister().await;
            }
        };
        signals.unless_repeated(leave).await?;
        Ok(())
    }

    /// Where clients dial it: as told, or found out.
    async fn address(&self, local: SocketAddr, towards: &[HostPort]) -> Result<HostPort, Failure> {
        if let Some(advertise) = &self.advertise {
            return Ok(advertise.clone());
        }
        let found = advertised(local, towards).await;
        Ok(found.context("give --advertise HOST:PORT")?)
    }
}

/// Has a backend say of its health what signals ask for.
async fn follow(health: &mut HealthSignals, server: &Server) -> Infallible {
    loop {
        let status = if health.next().await {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        tracing::info!(%status, "the health that is answered changes");
        server.set_health(status).await;
    }
}

/// Has files read again whenever a signal asks for it.
async fn reload(check: Option<&CheckedTokens>, hangups: &mut Hangups) -> Infallible {
    loop {
        hangups.next().await;
        if let Some(check) = check {
            check.reload();
        }
    }
}
