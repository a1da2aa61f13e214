use std::time::Duration;
#[cfg(feature = "srv")]
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use lookaside_core::{Host, HostPort};

use super::hosts::host_port;
#[cfg(feature = "srv")]
use crate::resolver::srv::{Client, SrvBuilder};
use crate::{
    Address, ResolverUpdate, Scheme, Target, TargetError, TargetResolver,
    resolver::{DnsBuilder, fixed::FixedBuilder, pace::MIN_INTERVAL},
};

/// The port of a target that names none, as in gRPC.
const PORT: u16 = 443;

/// `dns:///HOST[:PORT]`: all addresses of a name, looked up again and again.
///
/// The system looks them up: every 30 s, and earlier than that only where
/// [`DnsScheme::min_interval`] is shorter, when a connection or a balancer's stream ends.
///
/// With feature `srv` the name's balancers (SRV `_grpclb._tcp.HOST`) and its service config
/// (TXT `_grpc_config.HOST`, with feature `service-config`) are looked up, too, and `dns://SERVER[:PORT]/HOST[:PORT]` asks
/// one name server for all of it; then names are looked up again when the shortest time to
/// live is over. For localhost there is neither (gRFC A10), and an IP address is not looked
/// up at all.
#[derive(Clone, Debug)]
pub struct DnsScheme {
    min_interval: Duration,
    #[cfg(feature = "srv")]
    server: Option<SocketAddr>,
    #[cfg(feature = "srv")]
    balancers: bool,
    #[cfg(feature = "srv")]
    service_config: bool,
}

impl DnsScheme {
    /// With what is the default.
    #[must_use]
    pub fn new() -> Self {
        Self {
            min_interval: MIN_INTERVAL,
            #[cfg(feature = "srv")]
            server: None,
            #[cfg(feature = "srv")]
            balancers: true,
            #[cfg(feature = "srv")]
            // Nobody else reads one.
            service_config: cfg!(feature = "service-config"),
        }
    }

    /// The least time between two lookups, whatever happens. Default 30 s, as in the stock
    /// clients; not below 100 ms.
    #[must_use]
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
    }

    /// The name server to ask, where a target names none. Default: addresses are for the
    /// system to find, all else is asked of the name servers that it is configured with.
    /// (Feature `srv`.)
    #[cfg(feature = "srv")]
    #[must_use]
    pub fn name_server(mut self, server: SocketAddr) -> Self {
        self.server = Some(server);
        self
    }

    /// Whether to look for balancers. Default: yes. (Feature `srv`.)
    #[cfg(feature = "srv")]
    #[must_use]
    pub fn balancers(mut self, look: bool) -> Self {
        self.balancers = look;
        self
    }

    /// Whether to look for a service config. Default: if there is feature `service-config`.
    /// (Feature `srv`.)
    #[cfg(feature = "srv")]
    #[must_use]
    pub fn service_config(mut self, look: bool) -> Self {
        self.service_config = look;
        self
    }

    #[cfg(feature = "srv")]
    fn named(&self, host: HostPort, target: &Target) -> Result<TargetResolver, TargetError> {
        let Host::Name(name) = host.host() else {
            return Ok(self.by_system(host));
        };
        let server = match target.authority() {
            "" => self.server,
            text => Some(name_server(text)?),
        };
        let with_more = self.balancers || self.service_config;
        if is_localhost(name) || !(with_more || server.is_some()) {
            return Ok(self.by_system(host));
        }
        let found = TargetResolver::new(SrvBuilder {
            name: Arc::clone(name),
            port: host.port(),
            records: Arc::new(Client { server }),
            balancers: self.balancers,
            service_config: self.service_config,
            min_interval: self.min_interval,
        });
        Ok(if self.balancers {
            found
        } else {
            found.without_balancers()
        })
    }

    #[cfg(not(feature = "srv"))]
    fn named(&self, host: HostPort, target: &Target) -> Result<TargetResolver, TargetError> {
        match target.authority() {
            "" => Ok(self.by_system(host)),
            server => Err(TargetError::new(format_args!(
                "a name server ({server:?}) needs feature \"srv\" of lookaside-client"
            ))),
        }
    }

    fn by_system(&self, host: HostPort) -> TargetResolver {
        let resolver = DnsBuilder::new(vec![host], Vec::new()).min_interval(self.min_interval);
        TargetResolver::new(resolver).without_balancers()
    }
}

impl Default for DnsScheme {
    fn default() -> Self {
        Self::new()
    }
}

impl Scheme for DnsScheme {
    fn name(&self) -> &str {
        "dns"
    }

    fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError> {
        let typed = target.some_endpoint("HOST[:PORT]")?;
        let host = host(typed)?;
        let authority = authority(typed, &host);
        let found = match host.socket_addr() {
            Some(socket) => {
                let update = ResolverUpdate::new([Address::new(socket)]);
                TargetResolver::new(FixedBuilder(update)).without_balancers()
            }
            None => self.named(host, target)?,
        };
        Ok(found.with_authority(authority))
    }
}

/// A host whose port may be missing.
fn host(text: &str) -> Result<HostPort, TargetError> {
    let bare_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    let has_port = !bare_v6 && !text.ends_with(']') && text.contains(':');
    match (has_port, bare_v6) {
        (true, _) => host_port(text),
        (false, true) => host_port(&format!("[{text}]:{PORT}")),
        (false, false) => host_port(&format!("{text}:{PORT}")),
    }
}

/// As typed, with a port only where there was one, but without the dot that makes a name
/// absolute: certificates do not have it.
fn authority(typed: &str, host: &HostPort) -> String {
    let text = match host.host() {
        Host::Ip(_) => host.to_string(),
        Host::Name(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            format!("{name}:{}", host.port())
        }
    };
    let default = format!(":{PORT}");
    match text.strip_suffix(&default) {
        Some(alone) if !typed.ends_with(&default) => alone.to_owned(),
        _ => text,
    }
}

#[cfg(feature = "srv")]
fn name_server(text: &str) -> Result<SocketAddr, TargetError> {
    /// Of DNS.
    const PORT: u16 = 53;
    let bracketed = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let alone = bracketed.unwrap_or(text).parse();
    let address = text.parse().or_else(|_| {
        let with_port = |ip: IpAddr| SocketAddr::new(ip, PORT);
        alone.map(with_port)
    });
    address.map_err(|_| {
        TargetError::new(format_args!(
            "name server {text:?} is not IP or IP:PORT: expected dns://IP:PORT/HOST:PORT"
        ))
    })
}

/// RFC 6761: never asked of a name server.
#[cfg(feature = "srv")]
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}
