//! The registry against a real etcd: `$LOOKASIDE_ETCD`, or `etcd` in the path.

mod faults;
mod follow;
mod liveness;
mod proxy;
mod registrar;
mod restore;
mod server;
mod support;
