//! The registry against a real etcd: `$LOOKASIDE_ETCD`, or `etcd` in the path.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail loudly too"
)]

mod faults;
mod follow;
mod liveness;
mod proxy;
mod registrar;
mod restore;
mod security;
mod server;
mod support;
