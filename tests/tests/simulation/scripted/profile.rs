//! What a run is about: how the client is built, and what may happen.

use std::time::Duration;

use fastrand::Rng;
use lookaside_client::{
    Builder, ChildPolicy, FailurePercentageEjection, LeastRequest, OutlierDetection,
    OutlierSettings, P2c, PickFirst, WeightedRoundRobin,
};

/// So that a peer that went silent is noticed while a run lasts: interval and timeout.
pub const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(2));

/// Longer than any pause between calls, until there are none any more.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// With retries, so many attempts at most.
pub const MAX_ATTEMPTS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    RoundRobin,
    PickFirst,
    WeightedRoundRobin,
    LeastRequest,
    P2c,
}

#[derive(Clone, Debug)]
pub struct Profile {
    pub policy: Policy,
    /// Outlier ejection around it.
    pub outlier: bool,
    pub retry: bool,
    /// The fallback backends are asked for their health.
    pub health: bool,
    pub balancers: usize,
    pub has_fallback: bool,
    pub fallback_timeout: Duration,
    pub report_interval: Option<Duration>,
    pub max_latency: Duration,
    /// One backend and one fallback server are never harmed, and in every list with backends.
    pub rock: bool,
    /// Things happen to balancers, too.
    pub balancers_suffer: bool,
    /// Lists change.
    pub lists_change: bool,
    /// Backends fail calls and refuse streams.
    pub backends_fail: bool,
}

impl Profile {
    pub fn draw(rng: &mut Rng) -> Self {
        let policies = [
            Policy::RoundRobin,
            Policy::PickFirst,
            Policy::WeightedRoundRobin,
            Policy::LeastRequest,
            Policy::P2c,
        ];
        let millis = [0, 1, 10, 50];
        let every = Duration::from_secs(rng.u64(2..=8));
        Self {
            policy: *rng.choice(&policies).expect("some"),
            outlier: rng.u32(..4) == 0,
            retry: rng.u32(..3) == 0,
            health: rng.u32(..3) == 0,
            balancers: rng.usize(1..=3),
            has_fallback: rng.u32(..5) > 0,
            fallback_timeout: Duration::from_secs(*rng.choice(&[2, 10]).expect("some")),
            report_interval: (rng.u32(..6) > 0).then_some(every),
            max_latency: Duration::from_millis(*rng.choice(&millis).expect("some")),
            rock: rng.bool(),
            balancers_suffer: rng.u32(..4) > 0,
            lists_change: rng.u32(..5) > 0,
            backends_fail: rng.bool(),
        }
    }

    /// What is asked of the client.
    pub fn apply(&self, mut builder: Builder) -> Builder {
        builder = builder
            .keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
            .idle_timeout(IDLE_TIMEOUT)
            .fallback_timeout(self.fallback_timeout);
        if self.health {
            builder = builder.health_check("");
        }
        if self.retry {
            builder = builder.default_service_config(format!(
                r#"{{"methodConfig": [{{"name": [{{}}], "retryPolicy": {{
                    "maxAttempts": {MAX_ATTEMPTS}, "initialBackoff": "0.05s",
                    "maxBackoff": "1s", "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"]
                }}}}]}}"#
            ));
        }
        match self.policy {
            Policy::RoundRobin => self.child(builder, ChildPolicy::RoundRobin),
            Policy::PickFirst => self.child(builder, PickFirst::new()),
            Policy::WeightedRoundRobin => self.child(builder, WeightedRoundRobin::new()),
            Policy::LeastRequest => self.child(builder, LeastRequest::new()),
            Policy::P2c => self.child(builder, P2c::new()),
        }
    }

    fn child(&self, builder: Builder, policy: impl lookaside_client::PolicyBuilder) -> Builder {
        if !self.outlier {
            return builder.child_policy(policy);
        }
        let settings = OutlierSettings {
            failure_percentage: Some(FailurePercentageEjection {
                threshold: 50,
                minimum_hosts: 2,
                request_volume: 5,
                ..FailurePercentageEjection::default()
            }),
            ..OutlierSettings::default()
        };
        let ejecting = OutlierDetection::new(settings, policy).expect("sensible settings");
        builder.child_policy(ejecting)
    }

    pub fn is_pick_first(&self) -> bool {
        self.policy == Policy::PickFirst
    }

    /// So many backends may be ejected though they are connected.
    pub fn ejected(&self) -> usize {
        usize::from(self.outlier)
    }
}
