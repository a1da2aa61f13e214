//! Where everybody is.

use std::net::SocketAddr;

/// The client's name on the network.
pub const CLIENT: &str = "client";

pub const BACKENDS: usize = 6;
pub const FALLBACKS: usize = 2;

/// Of backends and of fallback servers: nothing is done to it in runs that have a rock.
pub const ROCK: usize = 0;

pub fn backend_at(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n as u8], 50051))
}

pub fn fallback_at(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 2, n as u8], 50051))
}

pub fn balancer_at(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, n as u8], 7400))
}

pub fn is_fallback(at: SocketAddr) -> bool {
    (0..FALLBACKS).any(|n| fallback_at(n) == at)
}

pub fn is_balancer(at: SocketAddr) -> bool {
    at.port() == balancer_at(0).port()
}
