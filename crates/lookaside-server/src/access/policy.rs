use std::{net::IpAddr, sync::Arc};

use super::{
    Permission, Rule,
    identity::{Certificate, Identity},
};

/// Who may do what, for the lifetime of a balancer.
///
/// Without rules everybody who can connect may ask for lists, register (where that is
/// on) and inspect. With rules, what none of them allows is refused.
///
/// Control is never open: it is for peers on this machine, and for certificates that a
/// rule allows it to.
#[derive(Clone, Debug)]
pub struct Access {
    rules: Option<Arc<[Rule]>>,
    trust_loopback: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            rules: None,
            trust_loopback: true,
        }
    }
}

impl Access {
    /// What these rules allow, and nothing else.
    #[must_use]
    pub fn by_rules(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            rules: Some(rules.into_iter().collect()),
            ..Self::default()
        }
    }

    /// Whether peers on this machine may inspect and control, whatever the rules say.
    /// Default: yes. A proxy on this machine makes everybody such a peer.
    #[must_use]
    pub fn trust_loopback(mut self, trust: bool) -> Self {
        self.trust_loopback = trust;
        self
    }

    /// Whether there are rules.
    pub fn has_rules(&self) -> bool {
        self.rules.is_some()
    }

    /// Whether some rule can only be satisfied by a certificate.
    pub fn needs_certificates(&self) -> bool {
        self.rules().iter().any(Rule::needs_certificate)
    }

    fn rules(&self) -> &[Rule] {
        self.rules.as_deref().unwrap_or_default()
    }

    /// The names in a certificate.
    pub(super) fn identities(&self, certificate: &Certificate<'_>) -> Vec<Identity> {
        let addresses = self.rules().iter().filter_map(Rule::certified_address);
        certificate.identities(addresses)
    }

    /// The rules that concern a peer, by their place.
    pub(super) fn concerning(&self, address: Option<IpAddr>, names: &[Identity]) -> Box<[usize]> {
        let rules = self.rules().iter().enumerate();
        let concerning = rules.filter(|(_, rule)| rule.is_for(address, names));
        concerning.map(|(place, _)| place).collect()
    }

    /// Whether a peer with these rules may do this with a service; without one: with any.
    pub(super) fn allows(
        &self,
        address: Option<IpAddr>,
        rules: &[usize],
        permission: Permission,
        service: Option<&str>,
    ) -> bool {
        if let Some(allowed) = self.without_rules(address, permission) {
            return allowed;
        }
        let mut rules = rules.iter().filter_map(|place| self.rules().get(*place));
        rules.any(|rule| {
            rule.allow().contains(permission) && service.is_none_or(|service| rule.covers(service))
        })
    }

    /// Whether a peer with these rules may do this with every service there could be.
    pub(super) fn allows_all(
        &self,
        address: Option<IpAddr>,
        rules: &[usize],
        permission: Permission,
    ) -> bool {
        if let Some(allowed) = self.without_rules(address, permission) {
            return allowed;
        }
        let mut rules = rules.iter().filter_map(|place| self.rules().get(*place));
        rules.any(|rule| rule.allow().contains(permission) && rule.covers_all())
    }

    /// What is decided before any rule is looked at.
    fn without_rules(&self, address: Option<IpAddr>, permission: Permission) -> Option<bool> {
        let is_local = address.is_some_and(|address| address.is_loopback());
        match permission {
            Permission::Control | Permission::Inspect if self.trust_loopback && is_local => {
                Some(true)
            }
            Permission::Control => None,
            _ => self.rules.is_none().then_some(true),
        }
    }
}

#[cfg(test)]
mod tests;
