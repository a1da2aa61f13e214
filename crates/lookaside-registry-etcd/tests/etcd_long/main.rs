//! The registry against three members of a real etcd: what takes too long, or too much
//! memory, for every run. `./dev full` runs it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail loudly too"
)]
#![allow(dead_code, reason = "helpers are shared with the target `etcd`")]

mod membership;
mod restore;
#[path = "../etcd/scene.rs"]
mod scene;
mod size;
mod storm;
#[path = "../etcd/support.rs"]
mod support;
#[path = "../etcd/witness.rs"]
mod witness;
