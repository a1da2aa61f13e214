//! Commands that change what balancers do, for a while.

mod cordon;
mod drops;
mod end_streams;
mod reload;

use std::{io, io::Write, time::Duration};

use clap::Args;
use lookaside_core::HostPort;
use lookaside_proto::v1::{
    BackendWeight, ClearOverrideRequest, SetOverrideRequest, clear_override_request::Kind,
    set_override_request::Order,
};

use self::drops::{DropsOrder, drops_order};
pub(super) use self::{
    cordon::{Cordon, Uncordon},
    end_streams::EndStreams,
    reload::Reload,
};
use super::{Failure, tls::BalancerTls, values};
use crate::{
    control::Controller,
    output::{write_cleared, write_overrides, write_overrides_json, write_set},
};

/// Which balancer to tell or to ask.
#[derive(Debug, Args)]
struct Admin {
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
    async fn connect(self) -> Result<Controller, Failure> {
        Ok(Controller::connect(self.balancer, self.tls.load()?).await?)
    }
}

/// Whom to tell, who tells it and why.
#[derive(Debug, Args)]
struct Tell {
    #[command(flatten)]
    admin: Admin,

    /// Why, for the others to read
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,

    /// Who asks
    #[arg(long, value_name = "NAME", env = "USER", default_value = "unknown")]
    by: String,

    /// Print JSON: one object
    #[arg(long)]
    json: bool,
}

/// How long an order holds.
#[derive(Debug, Args)]
struct Term {
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

/// Takes a backend out of all lists. Calls that are under way end undisturbed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside drain orders 10.0.0.1:50051 --reason 'disk is failing'
  lookaside drain orders a --for 30m --balancer lb-1:7401

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such backend);
2 wrong usage or configuration.")]
pub(super) struct Drain {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The backend's id
    #[arg(value_name = "BACKEND")]
    backend: String,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

/// Puts a backend back that was drained.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside undrain orders 10.0.0.1:50051

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Undrain {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The backend's id
    #[arg(value_name = "BACKEND")]
    backend: String,
    #[command(flatten)]
    tell: Tell,
}

/// Gives a backend another weight than it is registered with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside weight orders a 10 --for 1h --reason 'new version'
  lookaside weight orders a clear

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such backend);
2 wrong usage or configuration.")]
pub(super) struct Weight {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The backend's id
    #[arg(value_name = "BACKEND")]
    backend: String,
    /// The weight, 0 for none of the calls; or `clear`: as registered
    #[arg(
        value_name = "WEIGHT|clear",
        value_parser = weight,
        allow_negative_numbers = true
    )]
    weight: OrClear<u32>,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

/// Fails shares of a service's calls at the clients, in place of the drops that are set.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside drops orders overload=25% test=0.5% --for 10m
  lookaside drops orders none       drop nothing, whatever the settings say
  lookaside drops orders clear      as the settings say

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such service);
2 wrong usage or configuration.")]
pub(super) struct Drops {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Shares by category, `none`, or `clear`
    #[arg(value_name = "CATEGORY=PERCENT%|none|clear", required = true)]
    drops: Vec<String>,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

/// Sends a service's clients to their own addresses, or keeps them from going there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside fallback orders on --for 10m --reason 'lists are being tested'
  lookaside fallback orders off     no fallback, whatever the settings say
  lookaside fallback orders clear   as the settings say

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such service);
2 wrong usage or configuration.")]
pub(super) struct Fallback {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// `on`, `off`, or `clear`
    #[arg(value_name = "on|off|clear", value_parser = or_clear::<Switch>)]
    fallback: OrClear<Switch>,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

/// Lists what operators ordered: who, why, and for how long.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside overrides
  lookaside overrides orders --json

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage or configuration.")]
pub(super) struct Overrides {
    /// The service, as it is registered [default: all]
    #[arg(value_name = "SERVICE", default_value = "")]
    service: String,
    #[command(flatten)]
    admin: Admin,
    /// Print JSON: one object
    #[arg(long)]
    json: bool,
}

/// A value, or that the order is to end.
#[derive(Clone, Copy, Debug)]
enum OrClear<T> {
    Value(T),
    Clear,
}

#[derive(Clone, Copy, Debug)]
struct Switch(bool);

impl std::str::FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self(true)),
            "off" => Ok(Self(false)),
            _ => Err("expected on, off or clear"),
        }
    }
}

fn weight(text: &str) -> Result<OrClear<u32>, String> {
    or_clear(text).map_err(|_| format!("expected a whole number from 0 to {}, or clear", u32::MAX))
}

fn or_clear<T: std::str::FromStr<Err: std::fmt::Display>>(
    text: &str,
) -> Result<OrClear<T>, String> {
    match text {
        "clear" => Ok(OrClear::Clear),
        text => text
            .parse()
            .map(OrClear::Value)
            .map_err(|error: T::Err| error.to_string()),
    }
}

impl Drain {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let order = Order::DrainBackend(self.backend);
        self.tell.set(self.service, order, &self.term).await
    }
}

impl Undrain {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.tell
            .clear(self.service, Kind::Drain, self.backend)
            .await
    }
}

impl Weight {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (backend, tell) = (self.backend, self.tell);
        match self.weight {
            OrClear::Clear => tell.clear(self.service, Kind::Weight, backend).await,
            OrClear::Value(weight) => {
                let order = Order::Weight(BackendWeight { backend, weight });
                tell.set(self.service, order, &self.term).await
            }
        }
    }
}

impl Drops {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let tell = self.tell;
        match drops_order(&self.drops).map_err(Failure::usage)? {
            DropsOrder::Clear => tell.clear(self.service, Kind::Drops, String::new()).await,
            DropsOrder::Set(drops) => {
                let order = Order::Drops(drops);
                tell.set(self.service, order, &self.term).await
            }
        }
    }
}

impl Fallback {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let tell = self.tell;
        match self.fallback {
            OrClear::Clear => {
                tell.clear(self.service, Kind::Fallback, String::new())
                    .await
            }
            OrClear::Value(Switch(on)) => {
                tell.set(self.service, Order::Fallback(on), &self.term)
                    .await
            }
        }
    }
}

impl Overrides {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut controller = self.admin.connect().await?;
        let overrides = controller.list(self.service).await?;
        let mut out = io::stdout();
        if self.json {
            write_overrides_json(&mut out, &overrides)?;
        } else {
            write_overrides(&mut out, &overrides)?;
        }
        out.flush()?;
        Ok(())
    }
}

impl Tell {
    async fn set(self, service: String, order: Order, term: &Term) -> Result<(), Failure> {
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

    async fn clear(self, service: String, kind: Kind, backend: String) -> Result<(), Failure> {
        self.end(service, kind, backend, String::new()).await
    }

    async fn end(
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
