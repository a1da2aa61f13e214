use crate::{
    Address, ResolverUpdate, Scheme, Target, TargetError, TargetResolver,
    resolver::fixed::FixedBuilder,
};

/// `unix:PATH` or `unix:///ABSOLUTE/PATH`: a Unix socket.
#[derive(Debug)]
pub(super) struct Unix;

impl Scheme for Unix {
    fn name(&self) -> &str {
        "unix"
    }

    fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError> {
        target.endpoint_alone("ABSOLUTE/PATH")?;
        let update = ResolverUpdate::new([Address::unix(target.path())]);
        // What gRPC calls the peers of all Unix sockets.
        Ok(TargetResolver::new(FixedBuilder(update))
            .without_balancers()
            .with_authority("localhost"))
    }
}
