use std::{fmt, str::FromStr};

use super::{PickFirst, Policy, PolicyConfig, RoundRobin, WorkScheduler};

/// Makes policies of one kind.
pub trait PolicyBuilder: Send + Sync + fmt::Debug + 'static {
    /// As in a service config: `round_robin`.
    fn name(&self) -> &str;
    /// A new policy, which gets its first resolver update next.
    fn build(&self, options: PolicyOptions) -> Box<dyn Policy>;

    /// Reads what a service config says of this policy: a JSON object, well formed. The
    /// policy finds what it returns in
    /// [`ResolverUpdate::policy_config`](crate::ResolverUpdate::policy_config). Fields that
    /// it does not know it ignores, so that a service's owner can use newer ones. Unless it
    /// is overridden, it takes any object for an empty configuration.
    ///
    /// # Errors
    /// What was expected, for the person who wrote it. The whole service config is refused
    /// then.
    fn parse_config(&self, json: &str) -> Result<PolicyConfig, String> {
        if json.trim_start().starts_with('{') {
            Ok(PolicyConfig::default())
        } else {
            Err("expected an object".to_owned())
        }
    }

    /// The same for a policy that has children: `policies` are those that its configuration
    /// may name. Unless it is overridden, it is [`PolicyBuilder::parse_config`].
    ///
    /// # Errors
    /// As there.
    fn parse_config_among(
        &self,
        json: &str,
        policies: &crate::PolicyRegistry,
    ) -> Result<PolicyConfig, String> {
        let _ = policies;
        self.parse_config(json)
    }
}

/// What a new policy gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PolicyOptions {
    /// To be called from elsewhere.
    pub work: WorkScheduler,
    /// Where its random numbers start; differs from channel to channel.
    pub seed: u64,
}

impl PolicyOptions {
    /// As a channel makes them.
    pub fn new(work: WorkScheduler, seed: u64) -> Self {
        Self { work, seed }
    }
}

/// How calls are spread over addresses, where nothing more is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChildPolicy {
    /// In turn over all that are READY. An address listed twice gets two turns.
    #[default]
    RoundRobin,
    /// All to the first that can be reached.
    PickFirst,
}

impl ChildPolicy {
    /// The name in a service config.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::PickFirst => "pick_first",
        }
    }
}

impl PolicyBuilder for ChildPolicy {
    fn name(&self) -> &str {
        self.as_str()
    }

    fn build(&self, options: PolicyOptions) -> Box<dyn Policy> {
        match self {
            Self::RoundRobin => Box::new(RoundRobin::new(options)),
            Self::PickFirst => PickFirst::new().build(options),
        }
    }
}

impl fmt::Display for ChildPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no policy of this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a policy: expected round_robin or pick_first")]
pub struct UnknownPolicy(String);

impl FromStr for ChildPolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, UnknownPolicy> {
        match name {
            "round_robin" => Ok(Self::RoundRobin),
            "pick_first" => Ok(Self::PickFirst),
            other => Err(UnknownPolicy(other.to_owned())),
        }
    }
}
