use std::{sync::Arc, time::Duration};

use http::uri::Authority;

use crate::{
    Channel, ChildPolicy, Mode,
    channel::{ChannelParts, RequestSettings, spawn},
    grpclb::{GrpclbSettings, KEEP_ALIVE},
    observer::Observers,
    policy::PolicyChoice,
    resolver::{SharedUpdates, SharedUpdatesBuilder},
    subchannel::ConnectionSettings,
};

/// A pick_first channel, so that replicas are tried in order and one is stuck to.
pub(super) fn balancer_channel(
    settings: &GrpclbSettings,
    service: &str,
) -> (Channel, SharedUpdates) {
    let (resolver, updates, work) = SharedUpdatesBuilder::new();
    let mut pool = settings.pool.clone();
    // What it has to say comes over its stream.
    pool.health = None;
    pool.connection = ConnectionSettings {
        keep_alive: Some(KEEP_ALIVE),
    };
    let channel = spawn(ChannelParts {
        target: format!("balancer of {service}"),
        resolver: Box::new(resolver),
        lookaside: None,
        policy: PolicyChoice::new(Arc::new(ChildPolicy::PickFirst)),
        #[cfg(feature = "service-config")]
        config: crate::service_config::ConfigSource::none(),
        pool,
        request: RequestSettings {
            // Every balancer's address has its own.
            authority: Authority::from_static("balancer"),
            user_agent: settings.user_agent.clone(),
            wait_for_ready: true,
        },
        mode: Mode::Direct,
        work,
        // It goes with the policy.
        idle_timeout: Duration::MAX,
        // Told of nothing: what it does is the policy's own business.
        observers: Observers::default(),
    });
    (channel, updates)
}
