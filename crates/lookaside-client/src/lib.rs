//! A gRPC channel for tonic clients that balances by itself.
//!
//! [`Channel`] stands where a generated client wants a transport. It resolves its
//! targets, keeps a connection per backend and spreads the calls: over the list that a
//! look-aside balancer streams to it (`grpc.lb.v1`, "grpclb"), or over plain addresses
//! with `pick_first` or `round_robin`.
//!
//! ```no_run
//! use lookaside_client::Channel;
//! use lookaside_proto::demo::{EchoRequest, echo_client::EchoClient};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let channel = Channel::builder("orders")
//!     .balancers(["lookaside-1:7400", "lookaside-2:7400"])
//!     .fallback(["orders.internal:50051"])
//!     .build()?;
//! let mut client = EchoClient::new(channel);
//! client.echo(EchoRequest { message: "hello".into() }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! How it fits together:
//!
//! ```text
//! resolver ──▶ policy task (single owner) ──▶ picker ──▶ the caller's own task: pick, send
//!                  ▲ events                     │
//!                  └── subchannels (one actor per address: connect, back off, watch, drain)
//! ```
//!
//! A call picks from an immutable [`Picker`] that the policy task swaps as a whole: no
//! lock, no queue and no allocation between the caller and the connection. Only READY
//! connections are picked, and READY means that the peer has spoken HTTP/2.
//!
//! # Targets
//!
//! | target | the addresses |
//! | --- | --- |
//! | `orders` | what the builder is given: balancers, addresses or a resolver |
//! | `orders.internal:50051` | that host, looked up whenever it is connected to |
//! | `dns:///orders.internal:50051` | all of a name's; with feature `srv` also its balancers |
//! | `static:///10.0.0.1:50051,10.0.0.2:50051` | those in the target |
//! | `file:///etc/orders.txt` | one per line of a file that may change (feature `file`) |
//! | `unix:///run/orders.sock` | a Unix socket |
//! | `passthrough:///orders.internal:50051` | that host, as it is |
//! | `grpclb:///orders` | of the balancers that the builder is given |
//!
//! Schemes of your own go into a [`ResolverRegistry`].
//!
//! # Service configs and retries
//!
//! With feature `service-config` a channel does what a service config asks for, from its
//! resolver or by `Builder::default_service_config`: which policy to use, and for each method
//! its time limit, whether to wait for ready, and how long messages may be. With feature
//! `retry` also which calls to try again. `docs/client.md` has all fields.
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `dns` | yes | host names among targets, balancers and fallback addresses |
//! | `outlier` | no | `OutlierDetection`: backends whose calls fare worse than others' are taken out of use |
//! | `health` | no | `Builder::health_check`: backends are asked whether they serve |
//! | `file` | no | targets `file:///PATH`: addresses in a file that may change |
//! | `srv` | no | balancers (SRV) and service config (TXT) in DNS, name servers of one's own |
//! | `policies` | no | policies that weigh backends by how they fare: `WeightedRoundRobin`, `LeastRequest`, `P2c` |
//! | `prometheus` | no | `PrometheusObserver`: a channel's events as metrics |
//! | `service-config` | no | service configs: policies and per-method settings, as JSON |
//! | `retry` | no | retries as a service config asks for them (A6); implies `service-config` |
//! | `tls` | no | `TlsConnector`: connections in TLS, by the system's CAs or given ones |
//! | `full` | no | all of them |

mod address;
mod channel;
mod connector;
mod endpoint;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod grpclb;
mod observer;
mod peer;
mod policy;
mod policy_task;
mod resolver;
#[cfg(feature = "service-config")]
mod service_config;
mod subchannel;
mod sync;
mod target;
#[cfg(feature = "tls")]
mod tls;

pub use address::{Address, LbToken, LbTokenError};
pub use channel::{Builder, Channel, ResponseBody, ResponseFuture, States, WaitForReady};
pub use connector::{ConnectFuture, Connector, Io, TcpConnector, Transport};
pub use endpoint::Endpoint;
pub use error::{BuildError, ConnectError};
pub use lookaside_core::{AddressError, ConnectivityState, NameError};
#[cfg(feature = "outlier")]
pub use lookaside_core::{
    FailurePercentageEjection, OutlierSettings, OutlierSettingsError, SuccessRateEjection,
};
#[cfg(feature = "prometheus")]
pub use observer::PrometheusObserver;
pub use observer::{Event, ListSummary, LoadReport, Observer};
pub use peer::Peer;
#[cfg(feature = "outlier")]
pub use policy::OutlierDetection;
pub use policy::{
    CallEnd, CallTracker, ChildPolicy, Controller, MAX_TRACKERS, Mode, Pick, PickArgs, PickError,
    PickFirst, PickResult, Picker, Policy, PolicyBuilder, PolicyConfig, PolicyOptions,
    PolicyRegistry, PolicyState, UnknownPolicy, WorkScheduler,
};
#[cfg(feature = "policies")]
pub use policy::{LeastRequest, P2c, WeightedRoundRobin};
#[cfg(feature = "dns")]
pub use resolver::DnsScheme;
pub use resolver::{
    ResolveError, Resolver, ResolverBuilder, ResolverController, ResolverRegistry, ResolverUpdate,
    Scheme, TargetResolver,
};
pub use subchannel::{Health, Subchannel, SubchannelId, SubchannelState};
pub use target::{Target, TargetError};
#[cfg(feature = "tls")]
pub use tls::{ClientTls, ClientTlsBuilder, ClientTlsError, Identity, TlsConnector, TlsFiles};
