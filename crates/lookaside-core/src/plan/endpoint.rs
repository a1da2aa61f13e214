use std::{net::SocketAddr, sync::Arc};

use super::ResolvedBackend;
use crate::{Backend, BackendId, BackendState, Token, token::ServiceIssuer};

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

/// Whether a backend can take calls: it serves, has weight, and an address.
pub fn is_eligible((backend, resolved): &ResolvedBackend) -> bool {
    can_take_calls(backend, resolved)
}

fn can_take_calls(backend: &Backend, resolved: &[SocketAddr]) -> bool {
    backend.state == BackendState::Serving && backend.weight > 0 && !resolved.is_empty()
}

/// The endpoints of one backend, sorted by address; none unless it can take calls.
pub(super) fn of(
    backend: &Arc<Backend>,
    resolved: &[SocketAddr],
    issuer: &ServiceIssuer,
) -> Box<[Arc<Endpoint>]> {
    if !can_take_calls(backend, resolved) {
        return Box::default();
    }
    let token = issuer.issue(&backend.id);
    let endpoint = |addr| {
        Arc::new(Endpoint {
            backend: Arc::clone(backend),
            addr,
            token,
        })
    };
    dialled(resolved).into_iter().map(endpoint).collect()
}

/// Which of a backend's addresses calls go to: sorted, each once, IPv4 never in IPv6 form,
/// the lowest [`MAX_ADDRESSES_PER_BACKEND`].
pub fn dialled(resolved: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = resolved
        .iter()
        .map(|addr| SocketAddr::new(addr.ip().to_canonical(), addr.port()))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(MAX_ADDRESSES_PER_BACKEND);
    addresses
}
