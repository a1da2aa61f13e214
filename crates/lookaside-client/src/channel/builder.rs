use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use lookaside_core::BackoffConfig;

use super::{Channel, ChannelParts, request::RequestSettings, spawn};
use crate::{
    BuildError, ChildPolicy, ConnectError, ConnectivityState, Connector, Mode, PolicyBuilder,
    PolicyRegistry, ResolverBuilder, ResolverRegistry, TcpConnector, WorkScheduler,
    connector::Named,
    grpclb::GrpclbSettings,
    observer::Observers,
    policy::PolicyChoice,
    subchannel::{ConnectionSettings, HealthCheck, KeepAlive, Origin, PoolSettings},
};

mod authority;
#[cfg(feature = "health")]
mod health;
mod idle;
mod observer;
mod policies;
#[cfg(feature = "service-config")]
mod service_config;
mod target;

use target::Balancers;

/// What is sent as user agent unless the builder or the call says otherwise.
const USER_AGENT: &str = concat!("lookaside-client/", env!("CARGO_PKG_VERSION"));

/// Configures a [`Channel`]. Errors come from [`Builder::build`].
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    target: String,
    balancers: Vec<String>,
    fallback: Vec<String>,
    addresses: Vec<String>,
    /// And whether it names balancers.
    resolver: Option<(Box<dyn ResolverBuilder>, bool)>,
    policy: Arc<dyn PolicyBuilder>,
    policies: PolicyRegistry,
    resolvers: ResolverRegistry,
    service_name: Option<String>,
    #[cfg(feature = "service-config")]
    service_config: service_config::ServiceConfigSettings,
    connector: Arc<dyn Connector>,
    balancer_connector: Option<Arc<dyn Connector>>,
    fallback_timeout: Duration,
    min_report_interval: Duration,
    wait_for_ready: bool,
    connect_timeout: Option<Duration>,
    keep_alive: Option<KeepAlive>,
    authority: Option<String>,
    user_agent: Option<String>,
    idle_timeout: Duration,
    health: Option<HealthCheck>,
    observers: Observers,
}

impl Builder {
    pub(super) fn new(target: String) -> Self {
        Self {
            target,
            balancers: Vec::new(),
            fallback: Vec::new(),
            addresses: Vec::new(),
            resolver: None,
            policy: Arc::new(ChildPolicy::default()),
            policies: PolicyRegistry::new(),
            resolvers: ResolverRegistry::new(),
            service_name: None,
            #[cfg(feature = "service-config")]
            service_config: service_config::ServiceConfigSettings::default(),
            connector: Arc::new(TcpConnector),
            balancer_connector: None,
            fallback_timeout: GrpclbSettings::FALLBACK_TIMEOUT,
            min_report_interval: GrpclbSettings::MIN_REPORT_INTERVAL,
            wait_for_ready: false,
            connect_timeout: None,
            keep_alive: None,
            authority: None,
            user_agent: None,
            idle_timeout: idle::DEFAULT,
            health: None,
            observers: Observers::default(),
        }
    }

    /// The balancers, each `host:port`, in the order in which they are tried. A host name
    /// stands for all its addresses and is resolved again over time.
    pub fn balancers<S: Into<String>>(mut self, balancers: impl IntoIterator<Item = S>) -> Self {
        self.balancers.extend(balancers.into_iter().map(Into::into));
        self
    }

    /// Backends to use while no balancer gives a list, each `host:port`, as
    /// [`Builder::balancers`].
    pub fn fallback<S: Into<String>>(mut self, addresses: impl IntoIterator<Item = S>) -> Self {
        self.fallback.extend(addresses.into_iter().map(Into::into));
        self
    }

    /// Backends, each `host:port`, instead of balancers.
    pub fn addresses<S: Into<String>>(mut self, addresses: impl IntoIterator<Item = S>) -> Self {
        self.addresses.extend(addresses.into_iter().map(Into::into));
        self
    }

    /// A resolver of your own, instead of addresses. Balancers that it names are not used;
    /// see [`Builder::resolver_with_balancers`].
    pub fn resolver(mut self, resolver: impl ResolverBuilder) -> Self {
        self.resolver = Some((Box::new(resolver), false));
        self
    }

    /// A resolver of your own that names balancers, and the addresses to fall back to.
    pub fn resolver_with_balancers(mut self, resolver: impl ResolverBuilder) -> Self {
        self.resolver = Some((Box::new(resolver), true));
        self
    }

    /// How calls are spread: over a balancer's list, the fallback addresses, or plain
    /// addresses. Default: [`ChildPolicy::RoundRobin`]. Any [`PolicyBuilder`] will do.
    pub fn child_policy(mut self, policy: impl PolicyBuilder) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// How long to wait for the first list before falling back. Default 10 s, as in the
    /// stock clients. A reason to fall back earlier is acted on earlier.
    pub fn fallback_timeout(mut self, timeout: Duration) -> Self {
        self.fallback_timeout = timeout;
        self
    }

    /// The least time between two load reports, whatever a balancer asks for. Default 1 s,
    /// as in C-core.
    pub fn min_report_interval(mut self, interval: Duration) -> Self {
        self.min_report_interval = interval;
        self
    }

    /// Whether calls wait for a connection while the backends cannot be reached, instead of
    /// failing. Default false; [`WaitForReady`](crate::WaitForReady) decides it per call.
    pub fn wait_for_ready(mut self, wait: bool) -> Self {
        self.wait_for_ready = wait;
        self
    }

    /// How long one attempt to connect may take, until the peer's HTTP/2 SETTINGS. Default:
    /// 20 s, or the back-off where that is longer (gRPC's MIN_CONNECT_TIMEOUT).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Pings backends that were silent for `interval` while calls are open, and gives the
    /// connection up when no answer comes within `timeout`. Default: no pings. (Balancers
    /// are pinged every 20 s, and have 10 s to answer.)
    pub fn keep_alive(mut self, interval: Duration, timeout: Duration) -> Self {
        self.keep_alive = Some(KeepAlive {
            interval,
            timeout,
            without_calls: false,
        });
        self
    }

    /// The `:authority` of calls to backends, `host` or `host:port`. Default: the target.
    pub fn authority(mut self, authority: impl Into<String>) -> Self {
        self.authority = Some(authority.into());
        self
    }

    /// Sent before this crate's own name as `user-agent`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// How byte streams are made, to balancers and backends. Default: [`TcpConnector`].
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Arc::new(connector);
        self
    }

    /// How byte streams to balancers are made. Default: as those to backends.
    pub fn balancer_connector(mut self, connector: impl Connector) -> Self {
        self.balancer_connector = Some(Arc::new(connector));
        self
    }

    /// Builds the channel and starts connecting. Calls made at once wait for the first
    /// answer.
    ///
    /// # Errors
    /// Says which setting is wrong and how; also when there is no Tokio runtime to run in.
    pub fn build(mut self) -> Result<Channel, BuildError> {
        let runtime = tokio::runtime::Handle::try_current();
        runtime.map_err(|_| BuildError::NoRuntime)?;
        let aim = self.aim()?;
        self.check_times()?;
        let authority = authority::choose(self.authority.as_deref(), &aim.authority)?;
        let user_agent = user_agent(self.user_agent.as_deref())?;
        let service = self.service(&aim)?;
        let pool = PoolSettings {
            connector: Arc::new(Named::new(Arc::clone(&self.connector), authority.clone())),
            connection: ConnectionSettings {
                keep_alive: self.keep_alive,
            },
            backoff: BackoffConfig::default(),
            connect_timeout: self.connect_timeout,
            origin: Origin {
                authority: authority.clone(),
                user_agent: user_agent.clone(),
            },
            health: self.health,
        };
        let follows = aim.balancers != Balancers::Never;
        let child = PolicyChoice::new(self.policy);
        let settings = GrpclbSettings {
            service,
            child: child.clone(),
            fallback_timeout: self.fallback_timeout,
            min_report_interval: self.min_report_interval,
            user_agent: user_agent.clone(),
            observers: self.observers.clone(),
            pool: PoolSettings {
                // Not by the channel's name: every balancer has its own.
                connector: self.balancer_connector.unwrap_or(self.connector),
                ..pool.clone()
            },
        };
        let (grpclb, _policies) = policies::with_grpclb(settings, self.policies);
        let grpclb = PolicyChoice::new(grpclb);
        let (policy, lookaside) = match aim.balancers {
            Balancers::Always => (grpclb, None),
            Balancers::IfNamed => (child, Some(grpclb)),
            Balancers::Never => (child, None),
        };
        #[cfg(feature = "service-config")]
        let config = self.service_config.source(_policies)?;
        Ok(spawn(ChannelParts {
            target: self.target,
            resolver: aim.resolver,
            policy,
            lookaside,
            #[cfg(feature = "service-config")]
            config,
            pool,
            request: RequestSettings {
                authority,
                user_agent,
                wait_for_ready: self.wait_for_ready,
            },
            mode: if follows {
                Mode::Connecting
            } else {
                Mode::Direct
            },
            work: WorkScheduler::default(),
            idle_timeout: self.idle_timeout,
            observers: self.observers,
        }))
    }

    /// Builds the channel and waits until it is READY.
    ///
    /// # Errors
    /// As [`Builder::build`], or the first failure: then nothing could be reached.
    pub async fn connect(self) -> Result<Channel, ConnectError> {
        let channel = self.build()?;
        loop {
            match channel.state() {
                ConnectivityState::Ready => return Ok(channel),
                ConnectivityState::TransientFailure | ConnectivityState::Shutdown => {
                    let error = channel.last_error();
                    let text = error.unwrap_or_else(|| "no backend is reachable".to_owned());
                    return Err(ConnectError::Unavailable(text));
                }
                state => {
                    // Only from IDLE: what was READY for a moment is none of our business.
                    channel.connect_now();
                    channel.wait_for_state_change(state).await
                }
            };
        }
    }

    fn check_times(&self) -> Result<(), BuildError> {
        let keep_alive = self.keep_alive.unwrap_or(crate::grpclb::KEEP_ALIVE);
        let times = [
            ("report interval", Some(self.min_report_interval)),
            ("connect timeout", self.connect_timeout),
            ("idle timeout", Some(self.idle_timeout)),
            ("keepalive interval", Some(keep_alive.interval)),
            ("keepalive timeout", Some(keep_alive.timeout)),
        ];
        for (name, value) in times {
            if value == Some(Duration::ZERO) {
                let value = Duration::ZERO;
                return Err(BuildError::Zero { name, value });
            }
        }
        Ok(())
    }
}

fn user_agent(prefix: Option<&str>) -> Result<HeaderValue, BuildError> {
    let Some(prefix) = prefix else {
        return Ok(HeaderValue::from_static(USER_AGENT));
    };
    HeaderValue::from_str(&format!("{prefix} {USER_AGENT}"))
        .map_err(|_| BuildError::UserAgent(prefix.to_owned()))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("target", &self.target)
            .field("balancers", &self.balancers)
            .field("fallback", &self.fallback)
            .field("addresses", &self.addresses)
            .field("child_policy", &self.policy)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
