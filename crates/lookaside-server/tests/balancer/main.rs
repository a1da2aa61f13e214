//! The balancer as its clients see it: strict HTTP/2 and protobuf on in-memory pipes, in
//! virtual time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod control;
mod cordon;
mod drain;
mod explain;
mod grpc;
mod host_names;
mod kit;
mod many;
mod policy;
mod ports;
mod refusals;
mod registration;
mod removals;
mod slow;
mod stream_list;
mod streams;
mod tokens;
