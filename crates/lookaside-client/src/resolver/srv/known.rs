use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use super::records::Srv;
use crate::{Address, ResolveError, ResolverUpdate};

/// What the last look found of a name. Pure.
pub(super) struct Known {
    /// For people.
    host: Box<str>,
    port: u16,
    /// None: not asked yet.
    addresses: Option<Result<Vec<IpAddr>, ResolveError>>,
    balancers: Option<Result<Vec<Balancer>, ResolveError>>,
    service_config: Option<Result<Option<Arc<str>>, ResolveError>>,
    /// Whether there still is such a service config, or one at all, could not be found out.
    service_config_unknown: bool,
}

/// The answer to one question.
pub(super) enum Answered {
    Addresses(io::Result<Vec<IpAddr>>),
    Balancers(io::Result<Vec<Balancer>>),
    /// What was found, or why what was found is none.
    ServiceConfig(io::Result<Result<Option<Arc<str>>, String>>),
}

/// The target of an SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Balancer {
    name: Box<str>,
    port: u16,
    sockets: Vec<SocketAddr>,
}

impl Balancer {
    /// One whose name has not been looked up. The name has no trailing dot any more: no
    /// certificate has one.
    pub(super) fn without_addresses(record: &Srv) -> Self {
        let name = &record.host;
        Self {
            name: name.strip_suffix('.').unwrap_or(name).into(),
            port: record.port,
            sockets: Vec::new(),
        }
    }

    pub(super) fn set_addresses(&mut self, ips: &[IpAddr]) {
        let sockets = ips.iter().map(|ip| SocketAddr::new(*ip, self.port));
        self.sockets = sockets.collect();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }
}

impl Known {
    /// Nothing yet. What is not looked for is known not to be there.
    pub(super) fn new(name: &str, port: u16, balancers: bool, service_config: bool) -> Self {
        Self {
            host: format!("{name}:{port}").into(),
            port,
            addresses: None,
            balancers: (!balancers).then(|| Ok(Vec::new())),
            service_config: (!service_config).then_some(Ok(None)),
            service_config_unknown: false,
        }
    }

    pub(super) fn set(&mut self, answered: Answered) {
        let host = &self.host;
        let wrong = |what: &str, error: &dyn std::fmt::Display| {
            tracing::debug!(%host, %error, "no {what}");
            ResolveError::new(format!("resolve {host}: {what}{error}"))
        };
        match answered {
            Answered::Addresses(found) => {
                self.addresses = Some(found.map_err(|error| wrong("", &error)));
            }
            Answered::Balancers(mut found) => {
                if let (Ok(new), Some(Ok(known))) = (&mut found, &self.balancers) {
                    keep_addresses(new, known);
                }
                self.balancers = Some(found.map_err(|error| wrong("balancers: ", &error)));
            }
            Answered::ServiceConfig(Ok(found)) => {
                let wrong = |error| wrong("service config: ", &error);
                self.service_config = Some(found.map_err(wrong));
                self.service_config_unknown = false;
            }
            // As in grpc-go: there are name servers that do not know what a TXT record is, and
            // most services have none. What was found before still holds.
            Answered::ServiceConfig(Err(error)) => {
                if !self.service_config_unknown {
                    tracing::warn!(%host, %error, "could not look for a service config");
                }
                self.service_config.get_or_insert(Ok(None));
                self.service_config_unknown = true;
            }
        }
    }

    pub(super) fn lacks_addresses(&self) -> bool {
        match &self.addresses {
            // Balancers do without.
            Some(Ok(found)) => found.is_empty() && self.sockets().next().is_none(),
            _ => true,
        }
    }

    pub(super) fn lacks_balancers(&self) -> bool {
        match &self.balancers {
            // Each that is named should be found.
            Some(Ok(found)) => found.iter().any(Balancer::is_empty),
            _ => true,
        }
    }

    pub(super) fn lacks_service_config(&self) -> bool {
        self.service_config_unknown || !matches!(self.service_config, Some(Ok(_)))
    }

    /// Something could not be found.
    pub(super) fn is_incomplete(&self) -> bool {
        self.lacks_addresses() || self.lacks_balancers() || self.lacks_service_config()
    }

    fn sockets(&self) -> impl Iterator<Item = (&Balancer, SocketAddr)> {
        let found = match &self.balancers {
            Some(Ok(found)) => found.as_slice(),
            _ => &[],
        };
        let of = |balancer: &'_ Balancer| balancer.sockets.clone();
        found.iter().flat_map(move |balancer| {
            of(balancer)
                .into_iter()
                .map(move |socket| (balancer, socket))
        })
    }

    /// What to tell, once that is enough to begin with: whether there are balancers decides
    /// what a channel does, and so does its service config.
    pub(super) fn update(&self) -> Option<ResolverUpdate> {
        let balancers = match self.balancers.as_ref()? {
            Ok(_) => Ok(self.balancer_addresses()),
            Err(error) => Err(error.clone()),
        };
        let service_config = self.service_config.as_ref()?;
        let no_balancers = !matches!(&balancers, Ok(found) if !found.is_empty());
        let host = &self.host;
        let addresses = match &self.addresses {
            None if no_balancers => return None,
            None => Err(ResolveError::new(format!("resolve {host}: no answer yet"))),
            Some(Ok(found)) if found.is_empty() && no_balancers => {
                Err(ResolveError::new(format!("resolve {host}: no addresses")))
            }
            Some(Ok(found)) => {
                let sockets = found.iter().map(|ip| SocketAddr::new(*ip, self.port));
                Ok(sockets.map(Address::new).collect())
            }
            Some(Err(error)) => Err(error.clone()),
        };
        let mut update = ResolverUpdate::new([]);
        update.addresses = addresses;
        update.balancers = balancers;
        update.service_config = service_config.clone().transpose();
        Some(update)
    }

    /// Each called by the name in its SRV record (gRFC A5).
    fn balancer_addresses(&self) -> Arc<[Address]> {
        let address = |(balancer, socket): (&Balancer, SocketAddr)| {
            let address = Address::new(socket);
            match balancer.name.parse() {
                Ok(authority) => address.with_authority(authority),
                // A name that is no host's name: called by what it is reached by.
                Err(_) => address,
            }
        };
        self.sockets().map(address).collect()
    }
}

/// Those that could not be resolved this time are where they were.
fn keep_addresses(new: &mut [Balancer], known: &[Balancer]) {
    for balancer in new.iter_mut().filter(|it| it.is_empty()) {
        let is_same = |it: &&Balancer| (&it.name, it.port) == (&balancer.name, balancer.port);
        if let Some(before) = known.iter().find(is_same) {
            balancer.sockets.clone_from(&before.sockets);
        }
    }
}
