//! The registry against a real etcd: `$LOOKASIDE_ETCD`, or `etcd` in the path.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail loudly too"
)]

mod faults;
mod follow;
mod links;
mod liveness;
mod members;
mod overrides;
mod proxy;
mod registrar;
mod restore;
mod scene;
mod security;
mod server;
mod support;
mod witness;
