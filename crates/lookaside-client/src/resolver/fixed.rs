use std::sync::Arc;

use lookaside_core::HostPort;

use super::{Resolver, ResolverBuilder, ResolverController, ResolverUpdate};
use crate::{Address, WorkScheduler};

/// Addresses that never change.
#[derive(Debug)]
pub(crate) struct FixedBuilder(pub(crate) ResolverUpdate);

struct Fixed(Option<ResolverUpdate>);

impl ResolverBuilder for FixedBuilder {
    fn build(&self, _: WorkScheduler) -> Box<dyn Resolver> {
        Box::new(Fixed(Some(self.0.clone())))
    }
}

impl Resolver for Fixed {
    fn resolve_now(&mut self) {}

    fn work(&mut self, controller: &mut dyn ResolverController) {
        if let Some(update) = self.0.take() {
            controller.update(update);
        }
    }
}

/// The hosts that are IP addresses, each once. `own_authority`: calls to them carry their
/// own `host:port` as authority.
pub(super) fn addresses(hosts: &[HostPort], own_authority: bool) -> Arc<[Address]> {
    let mut addresses = Vec::with_capacity(hosts.len());
    for host in hosts {
        if let Some(socket) = host.socket_addr() {
            push(&mut addresses, socket, own_authority.then_some(host));
        }
    }
    addresses.into()
}

/// Adds an address, unless it is there.
pub(super) fn push(
    addresses: &mut Vec<Address>,
    socket: std::net::SocketAddr,
    authority: Option<&HostPort>,
) {
    if addresses
        .iter()
        .any(|known| known.socket_addr() == Some(socket))
    {
        return;
    }
    let address = Address::new(socket);
    addresses.push(match authority.map(|host| host.to_string().parse()) {
        Some(Ok(authority)) => address.with_authority(authority),
        // An address without a valid authority of its own gets the channel's.
        _ => address,
    });
}
