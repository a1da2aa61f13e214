use std::{io, time::Duration};

use clap::Args;
use lookaside_core::HostPort;
use lookaside_proto::v1::{
    ClearOverrideRequest, SetOverrideRequest, clear_override_request::Kind,
    set_override_request::Order,
};

use super::Failure;
use crate::{
    cli::{tls::BalancerTls, values},
    control::Controller,
    output::{write_cleared, write_set},
};

/// Which balancer to tell or to ask.
#[derive(Debug, Args)]
pub(super) struct Admin {
    /// The admin port of any of the balancers: orders stand in the registry, and all of
    /// them follow it
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "LOOKASIDE_ADMIN_BALANCER",
        default_value = "127.0.0.1:7401",
        value_parser = values::dialable
    )]
    balancer: HostPort,

    #[command(flatten)]
    tls: BalancerTls,
}

impl Admin {
    pub(super) async fn connect(self) -> Result<Controller, Failure> {
        Ok(Controller::connect(self.balancer, self.tls.load()?).await?)
    }
}

/// Whom to tell, who tells it and why.
#[derive(Debug, Args)]
pub(super) struct Tell {
    #[command(flatten)]
    pub(super) admin: Admin,

    /// Why, for the others to read
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) reason: String,

    /// Who asks
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    pub(super) by: String,

    /// Print JSON: one object
    #[arg(long)]
    pub(super) json: bool,
}

/// How long an order holds.
#[derive(Debug, Args)]
pub(super) struct Term {
    /// End it by itself after this time, such as 10m [default: never]
    #[arg(
        long = "for",
        value_name = "TIME",
        value_parser = values::term,
        allow_hyphen_values = true
    )]
    term: Option<Duration>,

    /// Also for what is not registered just now
    #[arg(long)]
    even_if_absent: bool,
}

impl Tell {
    pub(super) async fn set(
        self,
        service: String,
        order: Order,
        term: &Term,
    ) -> Result<(), Failure> {
        let ttl = term.term.map(prost_types::Duration::try_from).transpose();
        let request = SetOverrideRequest {
            service,
            order: Some(order),
            by: self.by,
            reason: self.reason,
            ttl: ttl.map_err(Failure::usage)?,
            expected_revision: None,
            absent_ok: term.even_if_absent,
        };
        let mut controller = self.admin.connect().await?;
        let set = controller.set(request).await?;
        write_set(&mut io::stdout(), &set, self.json)?;
        warn(&set.warning);
        Ok(())
    }

    pub(super) async fn clear(
        self,
        service: String,
        kind: Kind,
        backend: String,
    ) -> Result<(), Failure> {
        self.end(service, kind, backend, String::new()).await
    }

    pub(super) async fn end(
        self,
        service: String,
        kind: Kind,
        backend: String,
        place: String,
    ) -> Result<(), Failure> {
        let request = ClearOverrideRequest {
            service,
            kind: kind.into(),
            backend,
            by: self.by,
            reason: self.reason,
            expected_revision: None,
            place,
        };
        let mut controller = self.admin.connect().await?;
        let cleared = controller.clear(request).await?;
        write_cleared(&mut io::stdout(), &cleared, self.json)?;
        warn(&cleared.warning);
        Ok(())
    }
}

/// Beside the output, which a script may read.
fn warn(warning: &str) {
    if !warning.is_empty() {
        eprintln!("warning: {warning}");
    }
}
