use lookaside_core::HostPort;

use super::hosts::host_port;
use crate::{Scheme, Target, TargetError, TargetResolver, resolver::for_hosts};

/// The port of a target that names none, as in gRPC.
const PORT: u16 = 443;

/// `dns:///HOST[:PORT]`: all addresses of a name, looked up by the system again and again.
#[derive(Clone, Debug, Default)]
pub struct DnsScheme {}

impl DnsScheme {
    /// With what is the default.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Scheme for DnsScheme {
    fn name(&self) -> &str {
        "dns"
    }

    fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError> {
        let host = host(target.endpoint_alone("HOST[:PORT]")?)?;
        let authority = authority(&host);
        let resolver = for_hosts(vec![host], Vec::new()).map_err(TargetError::new)?;
        Ok(TargetResolver::boxed(resolver).with_authority(authority))
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
