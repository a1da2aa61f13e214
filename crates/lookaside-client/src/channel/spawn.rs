use std::sync::Arc;

use tokio::sync::Notify;

use super::{Channel, Inner, Shared, request::RequestSettings};
use crate::{
    Mode, PolicyBuilder, PolicyOptions, ResolverBuilder, WorkScheduler,
    policy_task::PolicyTask,
    subchannel::{Pool, PoolSettings},
};

/// All that a channel is made of.
pub(crate) struct ChannelParts {
    pub(crate) target: String,
    pub(crate) resolver: Box<dyn ResolverBuilder>,
    pub(crate) policy: Arc<dyn PolicyBuilder>,
    pub(crate) pool: PoolSettings,
    pub(crate) request: RequestSettings,
    pub(crate) mode: Mode,
    pub(crate) work: WorkScheduler,
}

/// Starts a channel's policy task on the current runtime. It ends with the channel.
pub(crate) fn spawn(parts: ChannelParts) -> Channel {
    let ChannelParts {
        target,
        resolver,
        policy,
        pool,
        request,
        mode,
        work,
    } = parts;
    let shared = Arc::new(Shared::new(mode));
    let closed = Arc::new(Notify::new());
    let (pool, events) = Pool::new(pool, work.clone());
    let task = PolicyTask {
        resolver: resolver.build(work.clone()),
        policy: policy.build(PolicyOptions::new(work.clone(), fastrand::u64(..))),
        pool,
        events,
        shared: Arc::clone(&shared),
        work,
        closed: Arc::clone(&closed),
    };
    tokio::spawn(task.run());
    let inner = Inner {
        shared,
        request,
        closed,
        target: target.into(),
    };
    Channel {
        inner: Arc::new(inner),
    }
}
