use std::time::Duration;

use lookaside_core::{AddressError, NameError};

use crate::TargetError;

/// Why a channel cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The target is no service name.
    #[error("target: {0}")]
    Target(#[from] NameError),
    /// The target is a URI, but not as its scheme has them.
    #[error("target {target:?}: {source}")]
    TargetUri {
        /// As given.
        target: String,
        /// What is wrong with it.
        source: TargetError,
    },
    /// A target that says by itself where to find its addresses, and addresses beside it.
    #[error(
        "target {0:?} and addresses, balancers or a resolver exclude each other: with these, \
         the target is a service's name"
    )]
    TargetAndAddresses(String),
    /// [`Builder::service_name`](crate::Builder::service_name) was given no service name.
    #[error("{0}")]
    ServiceName(NameError),
    /// The default service config is invalid: where, and what was expected.
    #[error("default service config: {0}")]
    ServiceConfig(String),
    /// One of the addresses given to the builder.
    #[error("{role}: {source}")]
    Address {
        /// "balancer", "fallback address" or "backend address".
        role: &'static str,
        /// What is wrong with it.
        source: AddressError,
    },
    /// Host names, in a build without feature `dns`.
    #[error("host names need feature \"dns\" of lookaside-client: {0}")]
    NeedsDns(String),
    /// Neither balancers nor addresses: nowhere to send a call to.
    #[error(
        "target {0:?} has neither balancers nor addresses: give the builder at least one, or a \
         target that says where they are, as in HOST:PORT or dns:///HOST:PORT"
    )]
    NoAddresses(String),
    /// Both `fallback` and `addresses`, or `addresses` and `balancers`.
    #[error(
        "plain addresses and balancers exclude each other: with balancers, plain addresses \
         are what `fallback` takes"
    )]
    AddressesAndBalancers,
    /// A fallback without a balancer to fall back from.
    #[error("fallback addresses without a balancer: give plain addresses with `addresses`")]
    FallbackWithoutBalancers,
    /// Both a resolver and addresses.
    #[error("a resolver and addresses exclude each other: the resolver names the addresses")]
    ResolverAndAddresses,
    /// Not a header value.
    #[error("user agent {0:?} is not printable ASCII")]
    UserAgent(String),
    /// Not `host` or `host:port`.
    #[error("authority {0:?} is not HOST or HOST:PORT")]
    Authority(String),
    /// A time that must not be zero.
    #[error("{name} is {value:?}, it must be above zero")]
    Zero {
        /// The setting.
        name: &'static str,
        /// As given.
        value: Duration,
    },
    /// The channel runs tasks on the Tokio runtime it is built in.
    #[error("a channel must be built inside a Tokio runtime")]
    NoRuntime,
}

/// Why [`Builder::connect`](crate::Builder::connect) gave up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The channel could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The first attempts failed.
    #[error("{0}")]
    Unavailable(String),
}
