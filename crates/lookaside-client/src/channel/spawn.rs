use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{Channel, Inner, Shared, request::RequestSettings};
use crate::{
    Mode, ResolverBuilder, WorkScheduler,
    observer::Observers,
    policy::PolicyChoice,
    policy_task::{Makers, PolicyTask},
    subchannel::{Pool, PoolSettings},
};

/// All that a channel is made of.
pub(crate) struct ChannelParts {
    pub(crate) target: String,
    pub(crate) resolver: Box<dyn ResolverBuilder>,
    pub(crate) policy: PolicyChoice,
    #[cfg(feature = "service-config")]
    pub(crate) config: crate::service_config::ConfigSource,
    /// From when on the resolver names balancers; none: they are not followed.
    pub(crate) lookaside: Option<PolicyChoice>,
    pub(crate) pool: PoolSettings,
    pub(crate) request: RequestSettings,
    pub(crate) mode: Mode,
    pub(crate) work: WorkScheduler,
    /// [`Duration::MAX`]: never.
    pub(crate) idle_timeout: Duration,
    pub(crate) observers: Observers,
}

/// Starts a channel's policy task on the current runtime. It ends with the channel.
pub(crate) fn spawn(parts: ChannelParts) -> Channel {
    let ChannelParts {
        target,
        resolver,
        policy,
        lookaside,
        #[cfg(feature = "service-config")]
        mut config,
        pool,
        request,
        mode,
        work,
        idle_timeout,
        observers,
    } = parts;
    let shared = Arc::new(Shared::new(mode, observers));
    #[cfg(feature = "service-config")]
    if let Some(calls) = config.begin() {
        shared.configure(calls);
    }
    let closed = Arc::new(Notify::new());
    let makers = Makers {
        resolver,
        policy,
        lookaside,
        target: target.as_str().into(),
        #[cfg(feature = "service-config")]
        config,
        mode,
        work: work.clone(),
    };
    let task = PolicyTask::new(
        makers,
        Pool::new(pool, work.clone()),
        Arc::clone(&shared),
        Arc::clone(&closed),
        idle_timeout,
    );
    tokio::spawn(task.run());
    let inner = Inner {
        shared,
        request,
        work,
        closed,
        target: target.into(),
    };
    Channel {
        inner: Arc::new(inner),
    }
}
