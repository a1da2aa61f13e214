use super::hosts::host_port;
use crate::{
    Address, ResolverUpdate, Scheme, Target, TargetError, TargetResolver,
    resolver::fixed::FixedBuilder,
};

/// `passthrough:///HOST:PORT`: one address, as it is. A name is looked up by the connector,
/// each time it connects.
#[derive(Debug)]
pub(crate) struct Passthrough;

impl Passthrough {
    pub(crate) const NAME: &str = "passthrough";
}

impl Scheme for Passthrough {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError> {
        let host = host_port(target.endpoint_alone("HOST:PORT")?)?;
        let update = ResolverUpdate::new([Address::from_host(&host)]);
        Ok(TargetResolver::new(FixedBuilder(update))
            .without_balancers()
            .with_authority(host.to_string()))
    }
}
