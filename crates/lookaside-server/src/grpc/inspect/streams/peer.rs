use std::net::SocketAddr;

use ipnet::IpNet;
use tonic::Status;

use crate::{access::network, listener::Connection};

/// Which peers are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grpc) enum PeerFilter {
    Any,
    At(SocketAddr),
    Within(IpNet),
}

impl PeerFilter {
    /// # Errors
    /// INVALID_ARGUMENT for what is neither an address, with or without a port, nor a
    /// range.
    pub(in crate::grpc) fn parse(text: &str) -> Result<Self, Status> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        if let Ok(mut at) = text.parse::<SocketAddr>() {
            // As peers are looked at, whichever way the listener writes them.
            at.set_ip(at.ip().to_canonical());
            return Ok(Self::At(at));
        }
        let wrong = |error| Status::invalid_argument(format!("peer: {error}"));
        network(text).map(Self::Within).map_err(wrong)
    }

    pub(in crate::grpc) fn matches(&self, connection: &Connection) -> bool {
        match self {
            Self::Any => true,
            Self::At(at) => {
                (connection.peer(), connection.port()) == (Some(at.ip()), Some(at.port()))
            }
            Self::Within(range) => connection.peer().is_some_and(|it| range.contains(&it)),
        }
    }
}

/// Where a connection comes from, as a person writes it; empty if from no network.
pub(in crate::grpc::inspect) fn address(connection: &Connection) -> String {
    match (connection.peer(), connection.port()) {
        (Some(ip), Some(port)) => SocketAddr::new(ip, port).to_string(),
        (Some(ip), None) => ip.to_string(),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests;
