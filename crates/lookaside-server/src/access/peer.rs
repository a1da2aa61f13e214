use std::{fmt, net::IpAddr, sync::Arc};

use tonic::{Request, Status};

use super::{Access, Certificate, Identity, Permission};

/// Who is at the other end of a connection, and what it may do.
#[derive(Debug)]
pub(crate) struct Peer {
    access: Arc<Access>,
    address: Option<IpAddr>,
    identities: Box<[Identity]>,
    /// The rules that concern it: they never change, so they are looked for once.
    rules: Box<[usize]>,
}

impl Peer {
    /// `address` is where it comes from, if from a network.
    pub(crate) fn new(
        access: &Arc<Access>,
        address: Option<IpAddr>,
        certificate: Option<&Certificate<'_>>,
    ) -> Self {
        let identities = certificate.map(|it| access.identities(it));
        Self::with_identities(access, address, identities.unwrap_or_default())
    }

    pub(crate) fn with_identities(
        access: &Arc<Access>,
        address: Option<IpAddr>,
        identities: Vec<Identity>,
    ) -> Self {
        // The same client, whichever way the listener writes it.
        let address = address.map(|address| address.to_canonical());
        Self {
            access: Arc::clone(access),
            address,
            rules: access.concerning(address, &identities),
            identities: identities.into(),
        }
    }

    /// One from this address, where there are no rules.
    #[cfg(test)]
    pub(crate) fn anyone(address: impl Into<IpAddr>) -> Arc<Self> {
        Arc::new(Self::new(&Arc::default(), Some(address.into()), None))
    }

    /// Where it comes from, if from a network.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Who it is in the records of others: the first name of its certificate.
    pub(crate) fn identity(&self) -> Option<Arc<str>> {
        let first = self.identities.first()?;
        Some(first.to_string().into())
    }

    /// Whether it may do this with a service.
    pub(crate) fn may(&self, permission: Permission, service: &str) -> bool {
        self.access
            .allows(self.address, &self.rules, permission, Some(service))
    }

    /// Whether it may do this with any service at all.
    pub(crate) fn may_some(&self, permission: Permission) -> bool {
        self.access
            .allows(self.address, &self.rules, permission, None)
    }

    /// As [`Peer::may`].
    ///
    /// # Errors
    /// PERMISSION_DENIED, in the same words whether or not there is such a service.
    pub(crate) fn check(&self, permission: Permission, service: &str) -> Result<(), Status> {
        if self.may(permission, service) {
            Ok(())
        } else {
            Err(self.refuse(permission, service))
        }
    }

    /// As [`Peer::may_some`].
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub(crate) fn check_some(&self, permission: Permission) -> Result<(), Status> {
        if self.may_some(permission) {
            return Ok(());
        }
        let text = format!("{self} is not allowed to {permission} here");
        Err(Status::permission_denied(text))
    }

    /// Whether it may do this with every service, those to come too.
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub(crate) fn check_all(&self, permission: Permission) -> Result<(), Status> {
        if self
            .access
            .allows_all(self.address, &self.rules, permission)
        {
            return Ok(());
        }
        let text = format!("{self} is not allowed to {permission} all services");
        Err(Status::permission_denied(text))
    }

    pub(crate) fn refuse(&self, permission: Permission, service: &str) -> Status {
        let text = format!("{self} is not allowed to {permission} service {service}");
        Status::permission_denied(text)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.identities.first() {
            Some(identity) => identity.fmt(f)?,
            None => f.write_str("a peer without a certificate")?,
        }
        match self.address {
            Some(address) => write!(f, " at {address}"),
            None => Ok(()),
        }
    }
}

/// Who sent a request.
///
/// # Errors
/// PERMISSION_DENIED for a request that came in on no connection of ours.
pub(crate) fn peer_of<T>(request: &Request<T>) -> Result<&Peer, Status> {
    let peer = request.extensions().get::<Arc<Peer>>();
    peer.map(AsRef::as_ref)
        .ok_or_else(|| Status::permission_denied("nobody knows who asks"))
}
