//! etcd as a registry of Lookaside; the only crate that names `etcd-client`.
//!
//! [`EtcdRegistry`] lists and watches three prefixes, backends, settings and overrides,
//! each with a [reflector](lookaside_registry::reflector) of its own, and publishes all as one
//! [`RegistryState`](lookaside_registry::RegistryState). [`EtcdRegistrar`] writes
//! backends under leases.
//!
//! Backends stand as etcd's own `naming/endpoints` package writes them: key
//! `services/<service>/<id>`, value
//! `{"Addr":"10.0.0.1:50051","Metadata":{"weight":100,"zone":"a","state":"serving"}}`.
//! Settings stand under `lookaside/config/<service>`, overrides under
//! `lookaside/overrides/<service>/<kind>[/<id>]`.
//!
//! Features: `tls` (default) for `https` members, through rustls and ring.

mod answer;
mod complaint;
mod config;
mod connector;
mod failure;
mod follower;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod layout;
mod prefix;
mod publisher;
mod registrar;
mod registry;

pub use config::{ConfigError, EtcdConfig, MAX_PREFIX_BYTES};
pub use connector::MAX_MESSAGE_BYTES;
pub use layout::MAX_VALUE_BYTES;
pub use lookaside_registry::reflector::Timings;
pub use registrar::EtcdRegistrar;
pub use registry::EtcdRegistry;
