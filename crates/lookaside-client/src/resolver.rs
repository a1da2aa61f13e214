//! Where addresses come from.

#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "file")]
mod file;
mod fixed;
mod last_good;
#[cfg(feature = "dns")]
mod lookup;
#[cfg(feature = "dns")]
mod pace;
mod registry;
mod schemes;
mod shared;
#[cfg(feature = "srv")]
mod srv;
#[cfg(any(feature = "dns", feature = "file"))]
mod task;

use std::{any::Any, fmt, sync::Arc, time::Instant};

#[cfg(feature = "dns")]
pub(crate) use dns::DnsBuilder;
pub(crate) use fixed::FixedBuilder;
pub(crate) use last_good::LastGood;
pub use registry::{ResolverRegistry, Scheme, TargetResolver};
#[cfg(feature = "dns")]
pub use schemes::DnsScheme;
pub(crate) use schemes::{GRPCLB, Passthrough};
pub(crate) use shared::{SharedUpdates, SharedUpdatesBuilder};

use lookaside_core::HostPort;

use crate::{Address, BuildError, PolicyConfig, WorkScheduler};

/// Finds the addresses of a target, again and again. It runs in the policy task and must
/// not block: what takes time it does in a task of its own, and schedules work.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use lookaside_client::{
///     Address, Channel, Resolver, ResolverBuilder, ResolverController, ResolverUpdate,
///     WorkScheduler,
/// };
///
/// /// Backends that the program itself names, and others later. Clones are one.
/// #[derive(Clone, Debug, Default)]
/// struct Fleet(Arc<Mutex<(Vec<Address>, Option<WorkScheduler>)>>);
///
/// impl Fleet {
///     fn set(&self, addresses: Vec<Address>) {
///         let mut it = self.0.lock().unwrap();
///         it.0 = addresses;
///         if let Some(work) = &it.1 {
///             work.schedule_work();
///         }
///     }
/// }
///
/// impl ResolverBuilder for Fleet {
///     fn build(&self, work: WorkScheduler) -> Box<dyn Resolver> {
///         self.0.lock().unwrap().1 = Some(work);
///         Box::new(Follower { fleet: self.clone(), told: Vec::new() })
///     }
/// }
///
/// struct Follower {
///     fleet: Fleet,
///     told: Vec<Address>,
/// }
///
/// impl Resolver for Follower {
///     fn resolve_now(&mut self) {}
///
///     fn work(&mut self, controller: &mut dyn ResolverController) {
///         let addresses = self.fleet.0.lock().unwrap().0.clone();
///         // Only what is new.
///         if addresses != self.told {
///             self.told.clone_from(&addresses);
///             controller.update(ResolverUpdate::new(addresses));
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lookaside_client::BuildError> {
/// let fleet = Fleet::default();
/// let channel = Channel::builder("orders").resolver(fleet.clone()).build()?;
/// fleet.set(vec![Address::new(([10, 0, 0, 1], 50051).into())]);
/// # Ok(())
/// # }
/// ```
pub trait Resolver: Send {
    /// Somebody has reason to think that the addresses are out of date. A resolver limits
    /// by itself how often it looks.
    fn resolve_now(&mut self);

    /// Something was scheduled, by this resolver or by anybody else in the channel; called
    /// once at the start. Hands over what is new, and nothing else.
    fn work(&mut self, controller: &mut dyn ResolverController);
}

/// What a resolver can ask of its channel.
pub trait ResolverController {
    /// The time, on the clock of the channel's runtime.
    fn now(&self) -> Instant;
    /// Passes addresses, or an error, to the policy.
    fn update(&mut self, update: ResolverUpdate);
}

/// Makes a channel's resolver.
pub trait ResolverBuilder: Send + fmt::Debug + 'static {
    /// A new resolver, which looks at once. `work` has [`Resolver::work`] called. Called
    /// again whenever the channel leaves IDLE, where it has no resolver.
    fn build(&self, work: WorkScheduler) -> Box<dyn Resolver>;
}

/// What a resolver found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolverUpdate {
    /// The backends; with balancers, those to fall back to.
    pub addresses: Result<Arc<[Address]>, ResolveError>,
    /// The balancers, if there are any.
    pub balancers: Result<Arc<[Address]>, ResolveError>,
    /// The service config (JSON, as gRPC defines it), if the resolver found one; or why
    /// one that is there could not be read. Without feature `service-config` nobody looks.
    /// The channel takes it out: policies never see it.
    pub service_config: Option<Result<Arc<str>, ResolveError>>,
    /// What the policy that gets this update was configured with. Resolvers leave it empty.
    pub policy_config: Option<PolicyConfig>,
}

impl ResolverUpdate {
    /// Backends, and no balancers.
    pub fn new(addresses: impl Into<Arc<[Address]>>) -> Self {
        Self {
            addresses: Ok(addresses.into()),
            balancers: Ok(Arc::default()),
            service_config: None,
            policy_config: None,
        }
    }

    /// Nothing could be found.
    pub fn error(error: ResolveError) -> Self {
        Self {
            addresses: Err(error.clone()),
            balancers: Err(error),
            service_config: None,
            policy_config: None,
        }
    }

    /// What the policy was configured with, or else its default.
    pub(crate) fn config_or<'a, T: Any>(&'a self, default: &'a T) -> &'a T {
        let given = self.policy_config.as_ref().and_then(PolicyConfig::get);
        given.unwrap_or(default)
    }

    /// Adds balancers.
    #[must_use]
    pub fn with_balancers(mut self, balancers: impl Into<Arc<[Address]>>) -> Self {
        self.balancers = Ok(balancers.into());
        self
    }

    /// Adds a service config, or why it could not be read.
    #[must_use]
    pub fn with_service_config(mut self, json: Result<Arc<str>, ResolveError>) -> Self {
        self.service_config = Some(json);
        self
    }

    /// Adds a configuration for the policy.
    #[must_use]
    pub fn with_policy_config(mut self, config: Option<PolicyConfig>) -> Self {
        self.policy_config = config;
        self
    }
}

/// Why a name could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(Arc<str>);

impl ResolveError {
    /// An error with this text, which names what could not be resolved.
    pub fn new(message: impl Into<Arc<str>>) -> Self {
        Self(message.into())
    }
}

/// The resolver for these hosts: backends, and balancers.
///
/// # Errors
/// When there are host names and no DNS.
pub(crate) fn for_hosts(
    addresses: Vec<HostPort>,
    balancers: Vec<HostPort>,
) -> Result<Box<dyn ResolverBuilder>, BuildError> {
    let named = |host: &HostPort| host.socket_addr().is_none();
    if addresses.iter().chain(&balancers).any(named) {
        return by_name(addresses, balancers);
    }
    let update = ResolverUpdate {
        addresses: Ok(fixed::addresses(&addresses, false)),
        balancers: Ok(fixed::addresses(&balancers, true)),
        service_config: None,
        policy_config: None,
    };
    Ok(Box::new(FixedBuilder(update)))
}

#[cfg(feature = "dns")]
fn by_name(
    addresses: Vec<HostPort>,
    balancers: Vec<HostPort>,
) -> Result<Box<dyn ResolverBuilder>, BuildError> {
    Ok(Box::new(DnsBuilder::new(addresses, balancers)))
}

#[cfg(not(feature = "dns"))]
fn by_name(
    addresses: Vec<HostPort>,
    balancers: Vec<HostPort>,
) -> Result<Box<dyn ResolverBuilder>, BuildError> {
    let hosts = balancers.iter().chain(&addresses);
    let names = hosts.filter(|host| host.socket_addr().is_none());
    let names: Vec<_> = names.map(ToString::to_string).collect();
    Err(BuildError::NeedsDns(names.join(", ")))
}
