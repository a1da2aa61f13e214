use std::{collections::HashMap, net::IpAddr};

use crate::{BackendId, Host, HostPort, ServiceName};

/// Which services have a backend at which address, and who is missing there.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// With the number of backends that a service has there.
    registered: HashMap<HostPort, Vec<(ServiceName, u32)>>,
    missing: HashMap<HostPort, Vec<(ServiceName, BackendId)>>,
}

/// An IPv4 address in IPv6 form is the same place.
fn key(address: &HostPort) -> HostPort {
    match address.host() {
        Host::Ip(IpAddr::V6(ip)) => {
            HostPort::new(Host::Ip(IpAddr::V6(*ip).to_canonical()), address.port())
        }
        Host::Ip(_) | Host::Name(_) => address.clone(),
    }
}

impl Addresses {
    pub(super) fn register(&mut self, address: &HostPort, service: &ServiceName) {
        let holders = self.registered.entry(key(address)).or_default();
        match holders.iter_mut().find(|(name, _)| name == service) {
            Some((_, backends)) => *backends += 1,
            // Nearly every address is one service's.
            None => {
                holders.reserve_exact(1);
                holders.push((service.clone(), 1));
            }
        }
    }

    pub(super) fn deregister(&mut self, address: &HostPort, service: &ServiceName) {
        let address = key(address);
        let Some(holders) = self.registered.get_mut(&address) else {
            return;
        };
        if let Some(index) = holders.iter().position(|(name, _)| name == service) {
            holders[index].1 -= 1;
            if holders[index].1 == 0 {
                holders.swap_remove(index);
            }
        }
        if holders.is_empty() {
            self.registered.remove(&address);
        }
    }

    /// Whether the service has a backend there.
    pub(super) fn has(&self, address: &HostPort, service: &ServiceName) -> bool {
        let holders = self.registered.get(&key(address));
        holders.is_some_and(|them| them.iter().any(|(name, _)| name == service))
    }

    /// The other services that have a backend there, or miss one.
    pub(super) fn others(&self, address: &HostPort, service: &ServiceName) -> Box<[ServiceName]> {
        let address = key(address);
        let registered = self.registered.get(&address).into_iter().flatten();
        let missing = self.missing.get(&address).into_iter().flatten();
        registered
            .map(|(name, _)| name)
            .chain(missing.map(|(name, _)| name))
            .filter(|name| *name != service)
            .cloned()
            .collect()
    }

    pub(super) fn miss(&mut self, address: &HostPort, service: &ServiceName, id: &BackendId) {
        let them = self.missing.entry(key(address)).or_default();
        them.push((service.clone(), id.clone()));
    }

    pub(super) fn forget(&mut self, address: &HostPort, service: &ServiceName, id: &BackendId) {
        let address = key(address);
        if let Some(them) = self.missing.get_mut(&address) {
            them.retain(|(name, other)| (name, other) != (service, id));
            if them.is_empty() {
                self.missing.remove(&address);
            }
        }
    }

    /// Who is missing there.
    pub(super) fn missing(&self, address: &HostPort) -> Vec<(ServiceName, BackendId)> {
        if self.missing.is_empty() {
            return Vec::new();
        }
        self.missing.get(&key(address)).cloned().unwrap_or_default()
    }
}
