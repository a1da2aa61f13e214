use std::{
    io::{self, Write},
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;
use lookaside_core::HostPort;
use tokio::time::timeout;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{Failure, tls::BalancerTls, values};
use crate::inspect::{channel, refused};

/// Asks a balancer, or any other gRPC server, whether it is ready.
///
/// Calls grpc.health.v1.Health/Check and prints the answer. For health checks of containers,
/// which have no other program to ask with: at the client port only a balancer that has read
/// its registry answers at all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside health
  lookaside health --balancer lb-1:7401                 its admin port
  lookaside health --balancer orders-1:50051 --service orders

Exit codes: 0 it is SERVING; 1 it is not, or does not answer; 2 wrong usage.")]
pub(super) struct Health {
    /// Whom to ask: a balancer's client or admin port, or another server
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "LOOKASIDE_BALANCER",
        default_value = "127.0.0.1:7400",
        value_parser = values::dialable
    )]
    balancer: HostPort,

    /// The service to ask for; without it, the server as a whole
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    service: String,

    /// How long the answer may take
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = values::some_time)]
    timeout: Duration,

    #[command(flatten)]
    tls: BalancerTls,
}

impl Health {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let tls = self.tls.load()?;
        let asked = async {
            let mut client = HealthClient::new(channel(&self.balancer, tls).await?);
            let service = self.service.clone();
            let answer = client.check(HealthCheckRequest { service }).await;
            let answer = answer.map_err(|status| refused(&self.balancer, &status))?;
            anyhow::Ok(answer.into_inner().status())
        };
        let status = timeout(self.timeout, asked)
            .await
            .with_context(|| format!("{}: no answer within {:?}", self.balancer, self.timeout))??;
        writeln!(io::stdout(), "{}", status.as_str_name())?;
        if status == ServingStatus::Serving {
            Ok(())
        } else {
            Err(anyhow!("{}: it is not serving", self.balancer).into())
        }
    }
}
