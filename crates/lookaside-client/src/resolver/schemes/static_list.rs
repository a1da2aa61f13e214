use super::hosts::host_port;
use crate::{Scheme, Target, TargetError, TargetResolver, resolver::for_hosts};

/// `static:///HOST:PORT,HOST:PORT...`: addresses that stand in the target. A name stands
/// for all its addresses.
#[derive(Debug)]
pub(super) struct Static;

impl Scheme for Static {
    fn name(&self) -> &str {
        "static"
    }

    fn resolver(&self, target: &Target) -> Result<TargetResolver, TargetError> {
        let list = target.endpoint_alone("HOST:PORT,HOST:PORT...")?;
        let hosts: Vec<_> = list.split(',').map(host_port).collect::<Result<_, _>>()?;
        let first = hosts.first().map(ToString::to_string).unwrap_or_default();
        let resolver = for_hosts(hosts, Vec::new()).map_err(TargetError::new)?;
        Ok(TargetResolver::boxed(resolver)
            .without_balancers()
            .with_authority(first))
    }
}
