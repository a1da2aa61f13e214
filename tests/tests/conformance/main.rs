//! What the grpclb tests of grpc-go, grpc-java and gRPC's C core assert, asserted of our
//! client; and what none of them tries. `index.tsv` says which test of theirs is which of
//! ours, and why where we do better or differ.
//!
//! Balancer and backends are scripted and on a network in memory, under a paused clock;
//! sockets are used where sockets matter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod config;
mod drops;
mod fallback;
mod index;
mod lifecycle;
mod list;
mod reports;
mod resolver;
mod select;
mod uncovered;
mod world;

/// The client's own kit.
#[path = "../../../crates/lookaside-client/tests/support/mod.rs"]
mod support;
