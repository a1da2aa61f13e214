use std::io::{self, Write};

use clap::Args;
use lookaside_core::HostPort;
use serde::Serialize;

use super::{Failure, tls::BalancerTls, values};
use crate::{
    inspect::Inspector,
    output::{ServiceJson, ServicesJson, write_service, write_services},
};

/// Which balancer to ask, and how to answer.
#[derive(Debug, Args)]
pub(super) struct Ask {
    /// The balancer to ask: its client or its admin port
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "LOOKASIDE_BALANCER",
        default_value = "127.0.0.1:7400",
        value_parser = values::dialable
    )]
    pub(super) balancer: HostPort,

    #[command(flatten)]
    tls: BalancerTls,

    /// Print JSON: one object, durations in seconds
    #[arg(long)]
    pub(super) json: bool,
}

impl Ask {
    /// Connects.
    pub(super) async fn connect(&self) -> Result<Inspector, Failure> {
        let tls = self.tls.load()?;
        Ok(Inspector::connect(self.balancer.clone(), tls).await?)
    }
}

/// Lists the services that a balancer knows.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside services
  lookaside services --balancer lb-1:7400 --json

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Services {
    #[command(flatten)]
    ask: Ask,
}

/// Shows one service: its backends, what clients are told, and why.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside service orders
  lookaside service orders --balancer lb-1:7400 --json

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such service);
2 wrong usage or configuration.")]
pub(super) struct Service {
    /// The service, with or without a port, as clients name it
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    ask: Ask,
}

impl Services {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut inspector = self.ask.connect().await?;
        let status = inspector.status().await?;
        let services = inspector.services().await?;
        if self.ask.json {
            print_json(&ServicesJson::new(&status, &services))?;
        } else {
            write_services(&mut io::stdout(), &status, &services)?;
        }
        Ok(())
    }
}

impl Service {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut inspector = self.ask.connect().await?;
        let service = inspector.service(&self.name).await?;
        if self.ask.json {
            print_json(&ServiceJson::from(&service))?;
        } else {
            write_service(&mut io::stdout(), &service)?;
        }
        Ok(())
    }
}

pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}
