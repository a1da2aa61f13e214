use std::time::Duration;

use lookaside_core::HostPort;

use super::hosts::host_port;
use crate::{
    Address, ResolverUpdate, Scheme, Target, TargetError, TargetResolver,
    resolver::{DnsBuilder, fixed::FixedBuilder, pace::MIN_INTERVAL},
};

/// The port of a target that names none, as in gRPC.
const PORT: u16 = 443;

/// `dns:///HOST[:PORT]`: all addresses of a name, looked up by the system again and again.
///
/// Names are looked up again every 30 s, and when a connection or a balancer's stream ends.
#[derive(Clone, Debug)]
pub struct DnsScheme {
    min_interval: Duration,
}

impl DnsScheme {
    /// With what is the default.
    #[must_use]
    pub fn new() -> Self {
        Self {
            min_interval: MIN_INTERVAL,
        }
    }

    /// The least time between two lookups, whatever happens. Default 30 s, as in the stock
    /// clients; not below 100 ms.
    #[must_use]
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
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
        let host = host(target.endpoint_alone("HOST[:PORT]")?)?;
        let authority = authority(&host);
        let found = match host.socket_addr() {
            // Nothing to look up.
            Some(socket) => {
                TargetResolver::new(FixedBuilder(ResolverUpdate::new([Address::new(socket)])))
            }
            None => {
                let resolver = DnsBuilder::new(vec![host], Vec::new());
                TargetResolver::new(resolver.min_interval(self.min_interval))
            }
        };
        Ok(found.without_balancers().with_authority(authority))
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

/// As typed, but without the dot that makes a name absolute: certificates do not have it.
fn authority(host: &HostPort) -> String {
    let text = host.to_string();
    text.replacen(".:", ":", 1)
}
