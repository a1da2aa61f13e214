use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use crate::{Backend, BackendId, Token};

/// How many addresses of one backend are used, the lowest: a name that resolves to more
/// is no one instance.
pub const MAX_ADDRESSES_PER_BACKEND: usize = 16;

/// One address of a backend. A backend with several shares its weight among them.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The backend.
    pub backend: Arc<Backend>,
    /// Where calls go. An IPv4 address is never in IPv6 form.
    pub addr: SocketAddr,
    /// The backend's token, the same for each of its addresses.
    pub token: Token,
}

impl Endpoint {
    /// The backend's id.
    pub fn id(&self) -> &BackendId {
        &self.backend.id
    }

    /// Whether clients see no difference.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        self.addr == other.addr && self.token == other.token
    }
}

/// The addresses of one backend that are used: sorted, each once.
pub(super) fn distinct(resolved: &[SocketAddr]) -> impl Iterator<Item = SocketAddr> {
    let canonical = |addr: &SocketAddr| SocketAddr::new(addr.ip().to_canonical(), addr.port());
    let addresses: BTreeSet<_> = resolved.iter().map(canonical).collect();
    addresses.into_iter().take(MAX_ADDRESSES_PER_BACKEND)
}
