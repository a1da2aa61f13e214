//! The kit of the end-to-end tests: real processes, real sockets, a real etcd.
//!
//! Every process that a test starts ends with the value that stands for it, by pid.
//! Ports come from the kernel; waiting is always for a condition, with a bound.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test kit fails by panicking"
)]

pub mod backend;
pub mod balancer;
pub mod bench;
pub mod binary;
pub mod cli;
pub mod etcd;
pub mod grpcurl;
pub mod http;
pub mod inspect;
pub mod name_server;
pub mod openmetrics;
pub mod pki;
pub mod poll;
pub mod ports;
pub mod probe;
pub mod process;
pub mod proxy;
pub mod pty;
pub mod schema;
pub mod skip;
pub mod state_dir;
pub mod wire;

pub use backend::Backend;
pub use balancer::Balancer;
pub use etcd::{Cluster, Etcd};
pub use poll::eventually;
pub use probe::{Probe, Second, Tally};
pub use process::Process;
pub use state_dir::StateDir;

/// The programs in the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

/// So do those in the documents.
#[cfg(doctest)]
#[doc = include_str!("../../docs/tokens.md")]
mod tokens {}
