use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use lookaside_core::HostPort;
use tokio::net::{UdpSocket, lookup_host};

/// Why no address to advertise could be found.
#[derive(Debug, thiserror::Error)]
#[error(
    "no local address leads to {}; state the address to advertise: {last}",
    list(towards)
)]
pub struct RouteError {
    towards: Vec<HostPort>,
    last: io::Error,
}

fn list(addresses: &[HostPort]) -> String {
    let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The address under which clients can dial a server that listens on `listen`: itself,
/// or, for a wildcard, the local address of the route to the first reachable one of
/// `towards`, the registry or the balancers.
///
/// # Errors
/// `listen` is a wildcard and there is no route to any of `towards`.
pub async fn advertised(listen: SocketAddr, towards: &[HostPort]) -> Result<HostPort, RouteError> {
    if !listen.ip().is_unspecified() {
        return Ok(listen.into());
    }
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "nothing to find a route to");
    for to in towards {
        match local_address_towards(to).await {
            // A socket bound to 0.0.0.0 does not answer on an IPv6 address.
            Ok(ip) if listen.is_ipv4() && ip.is_ipv6() => {
                last = io::Error::other(format!("{to} is reached over IPv6, {listen} is IPv4"));
            }
            Ok(ip) => return Ok(SocketAddr::new(ip, listen.port()).into()),
            Err(error) => last = error,
        }
    }
    Err(RouteError {
        towards: towards.to_vec(),
        last,
    })
}

/// The local address from which packets to `to` leave. Asks the kernel's routing table
/// by connecting a UDP socket, which sends nothing.
///
/// # Errors
/// The name does not resolve, or there is no route.
pub async fn local_address_towards(to: &HostPort) -> io::Result<IpAddr> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{to}: no address"));
    for target in lookup_host(to.to_string()).await? {
        let any: IpAddr = match target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        match socket.connect(target).await {
            Ok(()) => return Ok(socket.local_addr()?.ip()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests;
