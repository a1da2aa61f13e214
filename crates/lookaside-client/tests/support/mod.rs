//! A network in memory, with backends and a scripted balancer on it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "shared by several tests"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of it runs in tests"
)]
#![allow(missing_debug_implementations, reason = "nobody prints them")]

pub mod backend;
pub mod balancer;
pub mod calls;
pub mod configs;
pub mod net;
pub mod resolver;
pub mod scripted;

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// An address on the network: `addr(7)` is 10.0.0.7:1.
pub fn addr(n: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, n), 1))
}

pub fn text(n: u8) -> String {
    addr(n).to_string()
}

/// Waits until `condition` holds; fails after a minute (of virtual time, where it is
/// paused).
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(
            tokio::time::Instant::now() < limit,
            "never happened: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
