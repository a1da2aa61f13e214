use std::{collections::BTreeSet, io, net::SocketAddr, path::PathBuf};

use anyhow::anyhow;
use clap::Args;
use lookaside_core::{Host, HostPort};

use super::{Failure, inspect::print_json, tls::BalancerTls, values};
use crate::{
    config::{Config, Overrides, RegistryUrl, load},
    doctor::{Counts, Questions, examine, gather},
    output::{DoctorJson, write_findings},
};

/// Checks a deployment end to end, and says what to do about what it finds.
///
/// Asks each balancer what it knows, compares them with one another, with the registry and
/// with DNS as far as it is told where those are, and looks at certificates, tokens and
/// clocks. It changes nothing. Replicas that disagree are asked again for some seconds: a
/// change takes its time.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside doctor
  lookaside doctor --balancer lb-1:7400,lb-2:7400 --admin lb-1:7401
  lookaside doctor --balancer lb-1:7400,lb-2:7400 --registry etcd://10.0.0.1:2379
  lookaside doctor --config /etc/lookaside/lookaside.toml --ca ca.pem orders
  lookaside doctor --srv orders.example.com --json

Exit codes: 0 nothing failed; 1 a check failed (with --strict also: one warned);
2 wrong usage or configuration.")]
pub(super) struct Doctor {
    /// Look at these services only [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,

    /// The client ports of all balancers; may be repeated [default: those that --srv
    /// finds; `listen` of --config; 127.0.0.1:7400]
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "LOOKASIDE_BALANCER",
        value_delimiter = ',',
        value_parser = values::dialable
    )]
    balancer: Vec<HostPort>,

    /// Admin ports to try; may be repeated [default: `admin` of --config]
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "LOOKASIDE_ADMIN_BALANCER",
        value_delimiter = ',',
        value_parser = values::dialable
    )]
    admin: Vec<HostPort>,

    #[command(flatten)]
    tls: BalancerTls,

    /// Read this registry directly too: etcd://HOST:PORT[,HOST:PORT...] or file:PATH
    #[arg(long, value_name = "URL")]
    registry: Option<RegistryUrl>,

    /// A balancer's configuration: its ports, registry and certificates are checked
    #[arg(long, value_name = "FILE", env = "LOOKASIDE_CONFIG")]
    config: Option<PathBuf>,

    /// Check what DNS tells stock clients that dial NAME: SRV _grpclb._tcp.NAME, and
    /// addresses to fall back on
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    srv: Option<String>,

    /// Ask this name server, not the system's
    #[arg(long, value_name = "IP:PORT", requires = "srv")]
    name_server: Option<SocketAddr>,

    /// Print JSON: one object
    #[arg(long)]
    json: bool,

    /// Warnings are failures
    #[arg(long)]
    strict: bool,
}

impl Doctor {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (json, strict) = (self.json, self.strict);
        let facts = Box::pin(gather(self.questions()?)).await;
        let findings = examine(&facts);
        if json {
            print_json(&DoctorJson::new(&findings))?;
        } else {
            write_findings(&mut io::stdout(), &findings)?;
        }
        let counts = Counts::of(&findings);
        let checks = |n: usize| match n {
            1 => "1 check".to_owned(),
            n => format!("{n} checks"),
        };
        match (counts.fail, if strict { counts.warn } else { 0 }) {
            (0, 0) => Ok(()),
            (failed, 0) => Err(anyhow!("{} failed", checks(failed))),
            (0, warned) => Err(anyhow!("{} warned, and --strict is set", checks(warned))),
            (failed, warned) => Err(anyhow!(
                "{} failed; {warned} warned, and --strict is set",
                checks(failed)
            )),
        }
        .map_err(Failure::Runtime)
    }

    fn questions(self) -> Result<Questions, Failure> {
        let config = self.config()?;
        let mut files = self.tls.files();
        let mut balancers = self.balancer;
        let mut admins = self.admin;
        if let Some(config) = config.as_deref().filter(|_| self.config.is_some()) {
            files.extend(config.certificate_files());
            if balancers.is_empty() && self.srv.is_none() {
                balancers.push(reachable(&config.listen));
            }
            if admins.is_empty() {
                admins.push(reachable(&config.admin));
            }
        }
        if balancers.is_empty() && self.srv.is_none() {
            balancers.push(Config::default().listen);
        }
        // What is in a balancer's memory nobody else reads.
        let registry = config.filter(|it| it.registry != RegistryUrl::Memory);
        Ok(Questions {
            balancers,
            admins,
            tls: self.tls.load()?,
            services: self.services.into_iter().collect::<BTreeSet<_>>(),
            registry,
            files,
            srv: self.srv,
            name_server: self.name_server,
        })
    }

    /// The configuration, if anything of it is asked for.
    fn config(&self) -> Result<Option<Box<Config>>, Failure> {
        if self.config.is_none() && self.registry.is_none() {
            return Ok(None);
        }
        let overrides = Overrides {
            registry: self.registry.clone(),
            ..Overrides::default()
        };
        let loaded =
            load(self.config.as_deref(), std::env::vars_os(), overrides).map_err(Failure::usage)?;
        Ok(Some(Box::new(loaded.config)))
    }
}

/// Where to connect to what listens there: a wildcard means this machine too.
fn reachable(listen: &HostPort) -> HostPort {
    match listen.host() {
        Host::Ip(ip) if ip.is_unspecified() => {
            let local = if ip.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            };
            HostPort::new(Host::Ip(local), listen.port())
        }
        _ => listen.clone(),
    }
}
